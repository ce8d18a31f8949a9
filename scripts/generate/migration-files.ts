// Writes migrations into drizzle/ as drizzle-kit does, and reads what earlier ones say that no snapshot holds.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Journal, journalOf, readJournal, snapshotOf, toMeta } from '../migrate/folder.ts'
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
  const last = journal.entries.at(-1)
  let prevId = newestSnapshot(root).id
  const entries = migrations.map((migration, i): Journal['entries'][number] => {
    const { name, opening, statements, snapshot } = migration
    const { id: _id, prevId: _prevId, ...schema } = snapshot
    const idx = (last?.idx ?? -1) + 1 + i
    const tag = `${String(idx).padStart(4, '0')}_${name}`
    const id = crypto.randomUUID()
    writeFileSync(join(folder, `${tag}.sql`), [...opening, statements.join(BREAKPOINT)].join('\n'))
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
