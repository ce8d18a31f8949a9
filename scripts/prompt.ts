// Asks for a secret on a terminal without showing what is typed.

const ENTER = /^[\r\n]$/
const [CTRL_C, CTRL_D, BACKSPACE, CTRL_H, CTRL_U] = ['\x03', '\x04', '\x7f', '\b', '\x15']

/** Resolves with the line that was typed. Ctrl-C ends the process, as it does without a prompt. */
export async function readHidden(question: string): Promise<string> {
  const { stdin, stderr } = process
  stdin.setRawMode(true) // before the question, so that no early answer is echoed
  stderr.write(question)
  stdin.setEncoding('utf8')
  stdin.resume()
  try {
    return await new Promise<string>((resolve) => {
      let typed: string[] = []
      stdin.on('data', (chunk: string) => {
        for (const key of chunk) {
          if (key === CTRL_C) {
            stdin.setRawMode(false)
            stderr.write('\n')
            process.exit(130)
          } else if (ENTER.test(key) || key === CTRL_D) return resolve(typed.join(''))
          else if (key === BACKSPACE || key === CTRL_H) typed.pop()
          else if (key === CTRL_U) typed = []
          else if (key >= ' ') typed.push(key)
        }
      })
    })
  } finally {
    stdin.removeAllListeners('data')
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}
