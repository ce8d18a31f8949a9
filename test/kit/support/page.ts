// Reads the fenced blocks of a page, writes the files that they show, and runs their commands as a person does.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { Terminal } from './terminal.ts'
import { until } from './until.ts'

export interface Block {
  /** That it stands below. */
  heading: string
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
    const before = page.slice(0, index)
    const heading = [...before.matchAll(/^#+ (.+)$/gm)].at(-1)?.[1] ?? ''
    return { heading, language, words, text, place: `${path}:${before.split('\n').length}` }
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

/** The PATH of this process without what npm has put before it. */
export const pathOfPerson = () =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((path) => !path.includes('node_modules'))
    .join(delimiter)

interface Reader {
  terminal: Terminal
  /** Words of the page, and what stands for them on this machine. */
  ours: Record<string, string>
  /** Calls what runs a block. */
  step?(this: void, block: Block, run: () => Promise<void>): Promise<void>
}

/**
 * Does what blocks say, one after the other. One of `sh` is run, and says what the `text` behind it shows; with the word `terminal` it
 * is left running, with `until` it is asked until it shows that. All others are files, or changes of files.
 * @throws Error that says where, what was shown and what was said
 */
export async function follow(blocks: Block[], { terminal, ours, step = (_block, run) => run() }: Reader) {
  const inOurs = (text: string) =>
    Object.entries(ours).reduce((changed, [theirs, own]) => changed.replaceAll(theirs, own), text)
  let isEdited = false
  for (const [i, block] of blocks.entries()) {
    const next = blocks[i + 1]
    if (block.language === 'text') continue
    if (block.language !== 'sh') {
      const path = applyBlock(await terminal.currentFolder(), { ...block, text: inOurs(block.text) })
      if (path === undefined) throw new Error(`${block.place} is neither a command nor a file`)
      isEdited = true
      continue
    }
    if (isEdited && terminal.heard().length > 0) await untilServed(terminal, inOurs(URL_OF_PAGES))
    isEdited = false
    await step(block, () =>
      run(terminal, inOurs(block.text), block, next?.language === 'text' ? inOurs(next.text) : undefined),
    ).catch((error: Error) => {
      const heard = terminal.heard().map((said) => said.split('\n').slice(-30).join('\n'))
      throw new Error([error.message, ...heard].join('\n\nBeside it:\n'))
    })
  }
}

const URL_OF_PAGES = 'http://localhost:8100'

async function run(terminal: Terminal, commands: string, { words, place }: Block, shown = '...') {
  if (words.includes('terminal')) return terminal.leaveRunning(commands, (said) => isShown(shown, said))
  let { said, code } = await terminal.run(commands)
  const isRight = () => code === 0 && isShown(shown, said)
  const ask = async () => {
    ;({ said, code } = await terminal.run(commands))
    return isRight()
  }
  if (!isRight() && words.includes('until')) await until(`${place} to show`, ask).catch(() => {})
  if (!isRight()) throw new Error(`${place} ended with ${code}. It shows\n${shown}\nand said\n${said}`)
}

/**
 * Waits until `npm run dev` serves all that has been edited, as a person sees in its terminal. An edit of our own shows: of two, one
 * after the other, the second is served by code that was read after the first was served, and so after all else.
 */
async function untilServed(terminal: Terminal, url: string): Promise<void> {
  const file = join(await terminal.currentFolder(), 'package.json')
  const before = await Bun.file(file).text()
  for (const description of [crypto.randomUUID(), 'An API that somebody makes by a page']) {
    await Bun.write(file, before.replace(/(?<="description": ")[^"]*/, description))
    await until('the edits to be served', async () =>
      (await (await fetch(`${url}/api/openapi.json`)).text()).includes(description),
    )
  }
}
