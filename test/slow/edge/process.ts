// A server process of another runtime: it tells its port as a line of JSON, and ends when it is asked to.

/** Starts it. `url` is where it listens; `stop` ends it. @throws with all it said, if it ends before it listens */
export async function startProcess(command: string[], env: Record<string, string>) {
  const child = Bun.spawn(command, { env, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  const { promise: port, resolve, reject } = Promise.withResolvers<number>()
  const read = async () => {
    let said = ''
    for await (const chunk of child.stdout) {
      const text = new TextDecoder().decode(chunk)
      said += text
      const found = /"event":\s*"listen".*"port":\s*"?(\d+)/.exec(said)?.[1]
      if (found === undefined) continue
      resolve(Number(found))
      process.stderr.write(text.replaceAll(/^.*"event":\s*"listen".*\n/gm, ''))
    }
    reject(new Error(`${command[0]} ended before it listened: ${said}`))
  }
  const ended = read()
  return {
    url: `http://127.0.0.1:${await port}`,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
      await ended
    },
  }
}
