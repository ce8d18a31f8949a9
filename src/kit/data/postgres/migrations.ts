// Compares the migrations of a folder with those that a database has applied.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type postgres from 'postgres'

/** A migration. `when` it was generated, in Unix ms, identifies it in the database. */
export interface Migration {
  tag: string
  when: number
}

/** The journal, as drizzle-kit keeps it. */
export const journalOf = (folder: string) => join(folder, 'meta/_journal.json')

/** The migrations that a folder holds, oldest first. */
export function readJournal(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(journalOf(folder), 'utf8')) as { entries: Migration[] }
  return journal.entries
}

/** Returns `when` of each applied migration. @throws 42501 if the role may not read it */
export async function readApplied(sql: postgres.ISql): Promise<number[]> {
  // Not to_regclass, which fails if the role has no rights on the schema.
  const tables = await sql`
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'drizzle' and c.relname = '__drizzle_migrations'`
  if (tables.length === 0) return []
  const rows = await sql<{ at: string }[]>`select created_at::text as at from drizzle.__drizzle_migrations`
  return rows.map(({ at }) => Number(at))
}

/** The migrations that the database lacks, oldest first. */
export async function findPending(sql: postgres.ISql, folder: string): Promise<Migration[]> {
  const applied = new Set(await readApplied(sql))
  return readJournal(folder).filter(({ when }) => !applied.has(when))
}

/** The migrations that would never be applied, as the database already has a later one. */
export function findSkipped(journal: Migration[], applied: number[]): Migration[] {
  const newest = Math.max(0, ...applied)
  return journal.filter(({ when }) => when < newest && !applied.includes(when))
}
