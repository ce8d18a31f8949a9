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
