// Empties every table, for tests that drive a development server from outside.
import { sql } from 'drizzle-orm'
import type { Db } from '../../types/db.ts'

/** Truncates every table of the public schema, whatever slices there are; the migration journal is in another schema. */
export async function truncateAll(db: Db): Promise<void> {
  await db.execute(sql`
    do $$
    declare
      tables text;
    begin
      select string_agg(format('%I.%I', schemaname, tablename), ', ') into tables
      from pg_tables
      where schemaname = 'public';
      if tables is not null then
        execute 'truncate ' || tables || ' restart identity cascade';
      end if;
    end $$
  `)
}
