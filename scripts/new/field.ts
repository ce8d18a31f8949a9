// Adds fields to a resource that is there: makes its files without and with them, and merges the difference into what they are now.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { hint } from '../../src/kit/types/nearest.ts'
import { asUsage, UsageError } from '../command.ts'
import { newestSnapshot } from '../generate/snapshot.ts'
import { refuseCollisions } from './collisions.ts'
import { FACTORIES } from './template.ts'
import { addImports } from './wire.ts'
import { fillWish, formatFile, readLine, readWish, type Wish } from './wish.ts'

interface Plan {
  /** What is written, by path. */
  merged: Map<string, string>
  /** By path, of files that no longer have their generated shape: what is left to be done by hand. */
  patches: Map<string, string>
  /** Its name; undefined while the table waits for its patch. */
  migration: string | undefined
  test: string
}

/**
 * Nothing has been written when it throws.
 * @param resource its folder, or one of them
 * @param specs as they are typed: `note:text?`
 * @throws UsageError for what is typed wrongly, and Error if a field cannot be added, with what to do
 */
export async function planFields(root: string, resource = '', specs: string[]): Promise<Plan> {
  if (Bun.which('git') === null) throw new Error('git is needed to merge fields into files, and is not there')
  const words = findWords(root, resource)
  const [old, wish] = asUsage(() => {
    if (specs.length === 0) throw new Error('Which field? Such as note:text?')
    const before = readWish(root, words)
    refuseRepeated(before, words, specs)
    return [before, readWish(root, insert(words, specs))]
  })
  refuseImpossible(root, old, wish)
  refuseCollisions(root, wish, { isThere: true })

  const [base, wanted] = await Promise.all([
    filesOf(root, old, words),
    filesOf(root, wish, insert(words, specs)),
  ])
  const table = `src/${wish.names.path}/table.ts`
  const plan: Plan = {
    merged: new Map(),
    patches: new Map(),
    migration: undefined,
    test: `test/${wish.names.path}.test.ts`,
  }
  for (const [path, text] of wanted) {
    const generated = base.get(path) ?? ''
    if (text === generated) continue
    const current = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
    const merge = path === FACTORIES ? mergeFactory : mergeText
    const merged = merge(current, generated, text)
    if (merged === undefined) plan.patches.set(path, diff(path, generated, text))
    else plan.merged.set(path, await formatFile(root, path, merged))
  }
  if (plan.merged.has(table)) plan.migration = migrationOf(old, wish)
  return plan
}

/** The words by which the resource was made. */
function findWords(root: string, resource: string): string[] {
  const tables = [...new Bun.Glob('*/table.ts').scanSync(join(root, 'src'))].toSorted().map((file) => ({
    folder: dirname(file),
    words: readLine(readFileSync(join(root, 'src', file), 'utf8')),
  }))
  const found = tables.find(({ folder, words }) => [folder, words?.[0]].includes(resource))
  if (found === undefined) {
    const folders = tables.map(({ folder }) => folder)
    throw new UsageError(
      resource === '' ? 'Which resource?' : `There is no resource "${resource}"${hint(resource, folders)}`,
    )
  }
  if (found.words === undefined)
    throw new Error(
      `src/${found.folder}/table.ts does not say how it was made. Put that below its first line, as one would make it today, and ` +
        `call this again:\n// npm run new -- ${resource.replace(/s$/, '')} title:string 'year:int?' --shared`,
    )
  return found.words
}

/** Behind the fields that are there, before the options. */
function insert(words: string[], specs: string[]): string[] {
  const options = words.findIndex((word) => word.startsWith('-'))
  return words.toSpliced(options > 0 ? options : words.length, 0, ...specs)
}

/** Of what is there each is said once. */
function refuseRepeated({ names, fields }: Wish, words: string[], specs: string[]): void {
  const has = (spec: string) => words.includes(spec) || fields.some(({ name }) => spec.startsWith(`${name}:`))
  const repeated = specs.find(has)
  if (repeated !== undefined)
    throw new Error(
      `"${repeated}": ${names.spokenMany} have that already. To change it, edit src/${names.path}/table.ts by hand, then npm run generate`,
    )
}

const addedOf = (old: Wish, { fields }: Wish) =>
  fields.filter(({ name }) => old.fields.every((field) => field.name !== name))

function refuseImpossible(root: string, old: Wish, wish: Wish): void {
  const { table } = wish.names
  const columns = newestSnapshot(root).tables[`public.${table}`]?.columns ?? {}
  for (const { name, optional, fallback, unique } of addedOf(old, wish)) {
    if (Object.hasOwn(columns, name)) throw new Error(`The table ${table} has a column "${name}" already`)
    const why = `The rows that are there have no "${name}"`
    if (!optional && fallback === undefined)
      throw new Error(
        `${why}, and older processes write none: give it a :default(...), or make it optional by a ?. To demand it later, ` +
          `take the ? out by hand, and see npm run generate -- --help`,
      )
    if (unique && fallback !== undefined)
      throw new Error(`${why}: with its default they would all have the same`)
  }
}

function migrationOf(old: Wish, wish: Wish): string {
  const added = addedOf(old, wish).map(({ name }) => name)
  return [wish.names.table, ...(added.length > 3 ? ['fields'] : added.length === 0 ? ['rules'] : added)].join(
    '_',
  )
}

async function filesOf(root: string, wish: Wish, words: string[]): Promise<Map<string, string>> {
  const formatted = Object.entries(fillWish(wish, words)).map(
    async ([path, text]) => [path, await formatFile(root, path, text)] as const,
  )
  return new Map(await Promise.all(formatted))
}

/** Of the factories the one of this resource. */
function mergeFactory(current: string, generated: string, wanted: string): string | undefined {
  const start = /^export const \w+/m.exec(generated)?.[0] ?? ''
  const of = (text: string) => new RegExp(`^${start}\\b[^]*?^\\S.*\\n`, 'm').exec(text)?.[0] ?? ''
  const [mine, before, after] = [current, generated, wanted].map(of) as [string, string, string]
  const merged = mergeText(mine, before, after)
  return merged === undefined
    ? undefined
    : addImports(
        current.replace(mine, () => merged),
        wanted,
      )
}

/** Three-way. Undefined where both changed the same lines. */
function mergeText(current: string, generated: string, wanted: string): string | undefined {
  return withFiles([current, generated, wanted], (files) => {
    const { exitCode, stdout } = Bun.spawnSync(['git', 'merge-file', '-p', ...files])
    return exitCode === 0 ? stdout.toString() : undefined
  })
}

/** The difference, as `git apply` and people read it. */
const diff = (path: string, generated: string, wanted: string): string =>
  withFiles([generated, wanted], (files) => {
    const { stdout } = Bun.spawnSync(['git', 'diff', '--no-index', '--no-color', ...files])
    const hunks = stdout.toString().replace(/^[^]*?(?=^@@)/m, '')
    return `--- a/${path}\n+++ b/${path}\n${hunks}`
  })

function withFiles<T>(texts: string[], work: (files: string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'merge-'))
  try {
    return work(
      texts.map((text, i) => {
        writeFileSync(join(folder, `${i}`), text)
        return join(folder, `${i}`)
      }),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}
