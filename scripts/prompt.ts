// Asks for a secret on a terminal without showing what is typed.
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** Resolves with the line that was typed. Ctrl-C ends the process, as it does without a prompt, and so does Ctrl-D. */
export async function readHidden(question: string): Promise<string> {
  const { stdin, stderr } = process
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  // Before the question, so that no early answer is echoed.
  const reader = createInterface({ input: stdin, output: unseen, terminal: true })
  const ended = new AbortController()
  reader.once('SIGINT', () => ended.abort())
  stderr.write(question)
  const line = await reader.question('', { signal: ended.signal }).catch(() => undefined)
  reader.close()
  stderr.write('\n')
  return line ?? process.exit(130)
}
