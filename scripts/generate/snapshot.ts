// The schema as tables have it, or as migrations leave it: read and compared.
import { join } from 'node:path'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { readJournal, readSnapshot } from '../migrate/folder.ts'
import { withExclusions } from './exclusions.ts'
import { BREAKPOINT, quoted } from './sql.ts'

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
  default?: string | number | boolean
  generated?: unknown
  identity?: unknown
}

/** Of the exports of table.ts files. */
export const snapshotFrom = (schema: Record<string, unknown>, prevId?: string): Snapshot =>
  generateDrizzleJson(schema, prevId) as Snapshot

/** Below the root of a checkout. */
export const FOLDER = 'drizzle'

/** The schema as the migrations leave it. */
export function newestSnapshot(root: string): Snapshot {
  const folder = join(root, FOLDER)
  const newest = readJournal(folder).entries.at(-1)
  return newest === undefined ? snapshotFrom({}) : (readSnapshot(folder, newest.tag) as Snapshot)
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

/** How a person names it: `bookings.note`. @param key of a snapshot: `public.bookings` */
export const placeOf = (key: string, column?: string): string =>
  [key.replace(/^public\./, ''), ...(column === undefined ? [] : [column])].join('.')

/** Keys of the first that the second has not. */
export const keysOnlyIn = (one: object, other: object): string[] =>
  Object.keys(one).filter((key) => !Object.hasOwn(other, key))

type Index = Table['indexes'][string]

/** The index stands on one of these columns, perhaps within an expression. */
export const standsOn = ({ columns }: Index, names: string[]): boolean =>
  columns.some(({ expression }) =>
    names.some((name) => expression === name || expression.includes(quoted(name))),
  )
