// Compares the migrations that the code ships with those that a database has applied.
import type postgres from 'postgres'

/** A migration. `when` it was generated, in Unix ms, identifies it in the database. */
export interface Migration {
  tag: string
  when: number
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

/** Those that the database lacks, in their order. Those of a newer version, during a deploy, are ignored. */
export async function findPending(
  sql: postgres.ISql,
  migrations: readonly Migration[],
): Promise<Migration[]> {
  const applied = new Set(await readApplied(sql))
  return migrations.filter(({ when }) => !applied.has(when))
}
