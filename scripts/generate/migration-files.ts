// Writes migrations into drizzle/ as drizzle-kit does, and reads what earlier ones say that no snapshot holds.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { journalOf, nextEntries, readJournal, snapshotOf, toMeta } from '../migrate/folder.ts'
import { FOLDER, newestSnapshot, type Snapshot } from './snapshot.ts'
import { BREAKPOINT } from './sql.ts'

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
  let prevId = newestSnapshot(root).id
  const entries = nextEntries(
    journal,
    migrations.map(({ name }) => name),
    now,
  )
  for (const [i, { opening, statements, snapshot }] of migrations.entries()) {
    const { tag = '' } = entries[i] ?? {}
    const { id: _id, prevId: _prevId, ...schema } = snapshot
    const id = crypto.randomUUID()
    writeFileSync(join(folder, `${tag}.sql`), [...opening, statements.join(BREAKPOINT)].join('\n'))
    writeFileSync(snapshotOf(folder, tag), toMeta({ id, prevId, ...schema }))
    prevId = id
  }
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
