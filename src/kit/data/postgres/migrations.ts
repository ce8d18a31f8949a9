// The migrations: those that a folder holds, those that a database has, and what is between them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type postgres from 'postgres'

/** A migration; `when` it was generated, in unix milliseconds, is its identity in the database. */
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

/** When each migration that the database has was generated. @throws 42501 if the role may not read that */
export async function readApplied(sql: postgres.ISql): Promise<number[]> {
  // Not to_regclass, which fails where the role may not look into the schema.
  const tables = await sql`
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'drizzle' and c.relname = '__drizzle_migrations'`
  if (tables.length === 0) return []
  const rows = await sql<{ at: string }[]>`select created_at::text as at from drizzle.__drizzle_migrations`
  return rows.map(({ at }) => Number(at))
}

/** Those that the database lacks, oldest first. */
export async function findPending(sql: postgres.ISql, folder: string): Promise<Migration[]> {
  const applied = new Set(await readApplied(sql))
  return readJournal(folder).filter(({ when }) => !applied.has(when))
}

/** Those that would be passed over: the database has one that was generated later. */
export function findSkipped(journal: Migration[], applied: number[]): Migration[] {
  const newest = Math.max(0, ...applied)
  return journal.filter(({ when }) => when < newest && !applied.includes(when))
}
