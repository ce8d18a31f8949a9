// A folder of migrations as drizzle-kit leaves one, in a temporary place.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalOf } from '../../../scripts/migrate/folder.ts'

const FIRST_AT = 1_700_000_000_000

export type MigrationsFolder = ReturnType<typeof makeMigrations>

/** @param files statements by name, the oldest first: `{ '0000_a': 'create table a ()' }` */
export function makeMigrations(files: Record<string, string>) {
  const path = mkdtempSync(join(tmpdir(), 'restbun-migrations-'))
  mkdirSync(join(path, 'meta'))
  const tags: string[] = []
  const folder = {
    path,
    /** Adds a newer one. */
    add(tag: string, sql: string): void {
      tags.push(tag)
      writeFileSync(join(path, `${tag}.sql`), sql)
      const entries = tags.map((each, idx) => ({
        idx,
        version: '7',
        when: FIRST_AT + idx,
        tag: each,
        breakpoints: true,
      }))
      writeFileSync(journalOf(path), JSON.stringify({ version: '7', dialect: 'postgresql', entries }))
    },
    remove: () => rmSync(path, { recursive: true }),
  }
  for (const [tag, sql] of Object.entries(files)) folder.add(tag, sql)
  return folder
}
