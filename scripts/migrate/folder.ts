// Where the project's migrations lie, and which the folder holds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Migration } from '../../src/kit/data/postgres/migrations.ts'

export const MIGRATIONS_FOLDER = join(import.meta.dir, '../../drizzle')

/** The journal, as drizzle-kit keeps it. */
export const journalOf = (folder: string) => join(folder, 'meta/_journal.json')

/** The migrations that a folder holds, oldest first. */
export function readJournal(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(journalOf(folder), 'utf8')) as { entries: Migration[] }
  return journal.entries
}

/** The migrations that would never be applied, as the database already has a later one. */
export function findSkipped(journal: Migration[], applied: number[]): Migration[] {
  const newest = Math.max(0, ...applied)
  return journal.filter(({ when }) => when < newest && !applied.includes(when))
}
