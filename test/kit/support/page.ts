// Reads the fenced blocks of a page, writes the files that they show, and runs their commands as a person does.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { until } from './until.ts'

export interface Block {
  /** Such as `sh`. */
  language: string
  /** The words behind it. */
  words: string[]
  text: string
  /** `src/README.md:7` */
  place: string
}

/** @param path of the page, below the root */
export function blocksOf(root: string, path: string): Block[] {
  const page = readFileSync(join(root, path), 'utf8')
  return [...page.matchAll(/^```(.+)\n([^]*?)^```$/gm)].map(({ 1: info = '', 2: text = '', index }) => {
    const [language = '', ...words] = info.split(' ')
    return { language, words, text, place: `${path}:${page.slice(0, index).split('\n').length}` }
  })
}

/** The path in a first line that is a comment: the block is that file. */
const PATH = /^(?:\/\/|<!--) ([\w./-]+\.\w+)(?: -->)?\n/

/**
 * Makes in a folder what a block shows: a file whose path stands in the first line, or a `diff`.
 * @returns the path of the file; undefined for a block that shows none
 * @throws Error if a diff does not apply
 */
export function applyBlock(root: string, { language, text, place }: Block): string | undefined {
  if (language === 'diff') {
    const { success, stderr } = Bun.spawnSync(['git', 'apply', '--recount', '--unidiff-zero'], {
      cwd: root,
      stdin: new TextEncoder().encode(text),
    })
    if (!success) throw new Error(`${place}: the diff does not apply: ${stderr.toString()}`)
    return /^\+\+\+ b\/(.+)$/m.exec(text)?.[1]
  }
  const [line = '', path] = PATH.exec(text) ?? []
  if (path === undefined) return undefined
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text.slice(line.length))
  return path
}

/** Lines that say something: without those in which npm repeats a command, and without empty ones. */
const linesOf = (text: string) =>
  Bun.stripANSI(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('> '))

/** Whether a command said what a page shows: `...` stands for what varies, and in a line of its own for any lines. */
export function isShown(shown: string, said: string): boolean {
  const lines = linesOf(shown).map((line) =>
    line === '...' ? '(?:.*\n)*' : `${line.split('...').map(RegExp.escape).join('.*')}\n`,
  )
  return new RegExp(`^${lines.join('')}$`).test(`${linesOf(said).join('\n')}\n`)
}

/** A terminal: its shell keeps folder, variables and functions from one block to the next. */
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

  /** In a terminal of its own, where it stays; resolves when it has said what is shown. */
  async function leaveRunning(commands: string, shown: string): Promise<void> {
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
    await until(`${commands.trim()} to say\n${shown}`, () => {
      if (child.exitCode !== null) throw new Error(`${commands.trim()} ended: ${heard}`)
      return isShown(shown, heard)
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
