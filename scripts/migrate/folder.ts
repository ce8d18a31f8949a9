// Where the project's migrations lie, and which the folder holds.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Migration } from '../../src/kit/data/postgres/migrations.ts'

export const MIGRATIONS_FOLDER = join(import.meta.dir, '../../drizzle')

/** As drizzle-kit keeps it. */
export interface Journal {
  entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[]
  [part: string]: unknown
}

/** The schema as a migration leaves it. */
export interface Snapshot {
  id: string
  prevId: string
  tables: Record<string, unknown>
  [part: string]: unknown
}

export const journalOf = (folder: string) => join(folder, 'meta/_journal.json')

/** @param tag of a migration: `0002_books` */
export const snapshotOf = (folder: string, tag: string) =>
  join(folder, `meta/${tag.split('_')[0]}_snapshot.json`)

export const readJournal = (folder: string) => readJson(journalOf(folder)) as Journal

/** The migrations that a folder holds, oldest first. */
export const readMigrations = (folder: string): Migration[] => readJournal(folder).entries

/** The entries of the next migrations, behind those that are there. @param names without numbers */
export function nextEntries({ entries }: Journal, names: string[], now: number): Journal['entries'] {
  const { idx: last, when } = entries.at(-1) ?? { idx: -1, when: 0 }
  return names.map((name, i) => {
    const idx = last + 1 + i
    const tag = `${String(idx).padStart(4, '0')}_${name}`
    // A migration that is older than one which a database has would be passed over.
    return { idx, version: '7', when: Math.max(now, when + 1) + i, tag, breakpoints: true }
  })
}

/** @throws Error if there is none of that migration */
export function readSnapshot(folder: string, tag: string): Snapshot {
  const file = snapshotOf(folder, tag)
  if (!existsSync(file)) throw new Error(`drizzle/meta has no snapshot of ${tag}`)
  return readJson(file) as Snapshot
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

/** The text of a journal or of a snapshot. */
export const toMeta = (value: Journal | Snapshot) => JSON.stringify(value, null, 2)

/** The migrations that would never be applied, as the database already has a later one. */
export function findSkipped(journal: Migration[], applied: number[]): Migration[] {
  const newest = Math.max(0, ...applied)
  return journal.filter(({ when }) => when < newest && !applied.includes(when))
}
