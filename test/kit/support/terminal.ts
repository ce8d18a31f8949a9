// A terminal: a shell that keeps folder, variables and functions, and commands that are left running beside it.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './until.ts'

export type Terminal = ReturnType<typeof openTerminal>

/** `close` ends all that was started in it. */
export function openTerminal(folder: string, env: Record<string, string>) {
  const own = realpathSync(mkdtempSync(join(tmpdir(), 'terminal-')))
  const script = join(own, 'block.sh')
  const options = { env, stdout: 'pipe', stderr: 'pipe' } as const
  const shell = Bun.spawn(['sh'], { ...options, cwd: folder, stdin: 'pipe' })
  const output = shell.stdout.getReader()
  const left: { said(): string; stop(): Promise<void> }[] = []
  let said = ''
  void shell.stdin.write('exec 2>&1\n')

  /** What they say, and the exit code of the last. */
  async function run(commands: string): Promise<{ said: string; code: number }> {
    writeFileSync(script, commands)
    const end = `end-of-${crypto.randomUUID()}`
    // From a file, so that no command reads the next one as its input.
    void shell.stdin.write(`. ${script} </dev/null; printf '\\n%s %d\\n' ${end} $?\n`)
    await shell.stdin.flush()
    for (;;) {
      const [before = '', after] = said.split(`\n${end} `)
      if (after?.includes('\n')) {
        said = after.slice(after.indexOf('\n') + 1)
        return { said: before, code: Number(after.split('\n')[0]) }
      }
      const { value, done } = await output.read()
      if (done) throw new Error(`the shell ended: ${said}`)
      said += new TextDecoder().decode(value)
    }
  }

  const currentFolder = async () => (await run('pwd')).said.trim()

  /** In a terminal of its own, where it stays; resolves when it has said enough. */
  async function leaveRunning(commands: string, isEnough: (said: string) => boolean): Promise<void> {
    const child = Bun.spawn(['sh', '-c', commands], {
      ...options,
      cwd: await currentFolder(),
      detached: true, // a group of its own, as that of a terminal: Ctrl-C ends it
    })
    let heard = ''
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const chunk of stream) heard += new TextDecoder().decode(chunk)
    }
    const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited])
    left.push({
      said: () => heard,
      async stop() {
        if (child.exitCode === null) process.kill(-child.pid, 'SIGINT')
        await ended
      },
    })
    await until(`${commands.trim()} to be up`, () => {
      if (child.exitCode !== null) throw new Error(`${commands.trim()} ended: ${heard}`)
      return isEnough(heard)
    })
  }

  return {
    run,
    currentFolder,
    leaveRunning,
    /** What those say that were left running. */
    heard: () => left.map(({ said: saidBy }) => saidBy()),
    async close() {
      for (const { stop } of left.toReversed()) await stop()
      void shell.stdin.end()
      await shell.exited
      rmSync(own, { recursive: true })
    },
  }
}
