// The schema as tables have it, or as migrations leave it: read, compared, and written as the next migrations.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { quoted } from './bridge.ts'
import { withExclusions } from './exclusions.ts'
import { type Journal, journalOf, readJournal, snapshotOf, toMeta } from '../migrate/folder.ts'

type Named<T> = Record<string, T>

/** As drizzle-kit writes it, of which this is what is asked of it here. */
export interface Snapshot {
  id: string
  prevId: string
  tables: Named<Table>
  enums: Named<{ name: string; values: string[] }>
  [part: string]: unknown
}

export interface Table {
  columns: Named<Column>
  indexes: Named<{ columns: { expression: string }[]; isUnique: boolean }>
  foreignKeys: Named<{ columnsFrom: string[] }>
  uniqueConstraints: Named<{ columns: string[] }>
  compositePrimaryKeys: Named<{ columns: string[] }>
}

export interface Column {
  name: string
  type: string
  typeSchema?: string
  primaryKey: boolean
  notNull: boolean
  /** SQL. */
  default?: unknown
  generated?: unknown
  identity?: unknown
}

/** Of the exports of table.ts files. */
export const snapshotFrom = (schema: Record<string, unknown>, prevId?: string): Snapshot =>
  generateDrizzleJson(schema, prevId) as unknown as Snapshot

/** Below the root of a checkout. */
const FOLDER = 'drizzle'

/** The schema as the migrations leave it. */
export function newestSnapshot(root: string): Snapshot {
  const folder = join(root, FOLDER)
  const newest = readdirSync(join(folder, 'meta'))
    .filter((file) => file.endsWith('_snapshot.json'))
    .toSorted()
    .at(-1)
  return newest === undefined
    ? snapshotFrom({})
    : (JSON.parse(readFileSync(join(folder, 'meta', newest), 'utf8')) as Snapshot)
}

/** What drizzle-kit would ask a person about if some are new and some are gone, besides tables, columns and enums. */
const OTHERS = ['schemas', 'sequences', 'views', 'roles', 'policies'] as const

/**
 * The statements that lead from one to the other. They only add or only take away tables, columns and enums, so that nothing is
 * asked. @throws Error if something else was perhaps renamed
 */
export async function diff(from: Snapshot, to: Snapshot): Promise<string[]> {
  for (const kind of OTHERS) {
    const [missing] = keysOnlyIn(from[kind] ?? {}, to[kind] ?? {})
    const [added] = keysOnlyIn(to[kind] ?? {}, from[kind] ?? {})
    if (missing !== undefined && added !== undefined)
      throw new Error(
        `Of the ${kind}, "${missing}" is gone and "${added}" is new. Whether that is one under another name nobody can tell: ` +
          'take the old one out in a migration of its own, or write it by hand (--custom)',
      )
  }
  const statements = await generateMigration(
    ...([from, to] as unknown as Parameters<typeof generateMigration>),
  )
  const text = withExclusions(statements.join(BREAKPOINT), from)
  return text === '' ? [] : text.split(BREAKPOINT)
}

/** Between two statements of a migration. */
const BREAKPOINT = '--> statement-breakpoint\n'

/** Keys of the first that the second has not. */
export const keysOnlyIn = (one: object, other: object): string[] =>
  Object.keys(one).filter((key) => !Object.hasOwn(other, key))

type Index = Table['indexes'][string]

/** The index stands on one of these columns, perhaps within an expression. */
export const standsOn = ({ columns }: Index, names: string[]): boolean =>
  columns.some(({ expression }) =>
    names.some((name) => expression === name || expression.includes(quoted(name))),
  )

export interface Migration {
  name: string
  /** Comments that open the file; `-- concurrently` among them. */
  opening: string[]
  statements: string[]
  /** The schema after it. */
  snapshot: Snapshot
}

/** Writes the next migrations, as drizzle-kit does. @returns their paths */
export function writeMigrations(root: string, migrations: Migration[], now = Date.now()): string[] {
  const folder = join(root, FOLDER)
  const journal = readJournal(folder)
  const last = journal.entries.at(-1)
  let prevId = newestSnapshot(root).id
  const entries = migrations.map((migration, i): Journal['entries'][number] => {
    const { name, opening, statements, snapshot } = migration
    const { id: _id, prevId: _prevId, ...schema } = snapshot
    const idx = (last?.idx ?? -1) + 1 + i
    const tag = `${String(idx).padStart(4, '0')}_${name}`
    const id = crypto.randomUUID()
    writeFileSync(join(folder, `${tag}.sql`), `${[...opening, statements.join(BREAKPOINT)].join('\n')}`)
    writeFileSync(snapshotOf(folder, tag), toMeta({ id, prevId, ...schema }))
    prevId = id
    // A migration that is older than one which a database has would be passed over.
    return { idx, version: '7', when: Math.max(now, (last?.when ?? 0) + 1) + i, tag, breakpoints: true }
  })
  writeFileSync(journalOf(folder), toMeta({ ...journal, entries: [...journal.entries, ...entries] }))
  return entries.map(({ tag }) => `${FOLDER}/${tag}.sql`)
}

/** What earlier migrations say of themselves, which no snapshot holds. */
export interface Notes {
  /** Columns, tables and values that are gone from the code, and that the database has still: `bookings.note`. */
  left: Set<string>
  /** Triggers that keep rows right for processes of both ages, by their names. */
  bridges: Set<string>
}

export const LEAVES = '-- leaves: '

export function readNotes(root: string): Notes {
  const folder = join(root, FOLDER)
  const left = new Set<string>()
  const bridges = new Set<string>()
  for (const { tag } of readJournal(folder).entries) {
    const file = join(folder, `${tag}.sql`)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    for (const [, places = ''] of text.matchAll(new RegExp(`^${LEAVES}(.+)$`, 'gm')))
      for (const place of places.split(', ')) left.add(place)
    for (const [, verb, name = ''] of text.matchAll(/^(CREATE|DROP) FUNCTION "(bridge_\w+)"/gm)) {
      if (verb === 'CREATE') bridges.add(name)
      else bridges.delete(name)
    }
  }
  return { left, bridges }
}
