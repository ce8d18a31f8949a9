// Makes a table as if it had never been: takes it out of the migrations.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const BREAKPOINT = '--> statement-breakpoint'

interface Snapshot {
  id: string
  prevId: string
  tables: Record<string, unknown>
}
interface Journal {
  entries: { tag: string }[]
}

/** A statement about the table and nothing else; another's foreign key to it, say, is none. */
const aboutOnly = (table: string) =>
  new RegExp(
    `^\\s*(--.*\\n\\s*)*((CREATE|ALTER|DROP) TABLE "${table}"|CREATE INDEX (CONCURRENTLY )?"\\w+" ON "${table}"|` +
      `DROP INDEX (CONCURRENTLY (IF EXISTS )?)?"${table}_)`,
  )

/**
 * Takes the migrations that made the table out of drizzle/, and the table out of every later snapshot.
 * Only for a project that no database has been migrated by, but those that can be thrown away.
 * @param root the checkout
 * @param table its name in Postgres
 * @returns what was deleted and changed
 * @throws Error if a migration is about that table and something else, before anything is changed
 */
export function forgetMigrations(root: string, table: string): string[] {
  const folder = join(root, 'drizzle')
  const journalFile = join(folder, 'meta/_journal.json')
  const journal = JSON.parse(readFileSync(journalFile, 'utf8')) as Journal
  const sqlOf = (tag: string) => readFileSync(join(folder, `${tag}.sql`), 'utf8')
  const about = journal.entries.filter(({ tag }) => sqlOf(tag).includes(`"${table}"`))
  if (about.length === 0) throw new Error(`No migration in drizzle/ makes the table "${table}"`)
  const shared = about.find(
    ({ tag }) =>
      !sqlOf(tag)
        .split(BREAKPOINT)
        .every((statement) => aboutOnly(table).test(statement)),
  )
  if (shared !== undefined) {
    throw new Error(
      `drizzle/${shared.tag}.sql is not about the table "${table}" alone: leave --undeployed away, and it is dropped`,
    )
  }

  const left = journal.entries.filter((entry) => !about.includes(entry))
  const replacedBy = new Map(about.map(({ tag }) => readSnapshot(tag)).map(({ id, prevId }) => [id, prevId]))
  const later = left.slice(journal.entries.findIndex((entry) => about.includes(entry)))
  for (const { tag } of later) {
    const snapshot = readSnapshot(tag)
    delete snapshot.tables[`public.${table}`]
    for (
      let before = replacedBy.get(snapshot.prevId);
      before !== undefined;
      before = replacedBy.get(before)
    ) {
      snapshot.prevId = before
    }
    writeJson(snapshotFile(tag), snapshot)
  }
  writeJson(journalFile, { ...journal, entries: left })
  for (const { tag } of about)
    for (const file of [snapshotFile(tag), join(folder, `${tag}.sql`)]) rmSync(file)
  return [
    ...about.map(({ tag }) => `deleted drizzle/${tag}.sql`),
    `changed drizzle/meta (${later.length} later snapshot(s) and the journal)`,
  ]

  function snapshotFile(tag: string): string {
    const [number] = tag.split('_')
    const file = readdirSync(join(folder, 'meta')).find((name) => name === `${number}_snapshot.json`)
    if (file === undefined) throw new Error(`drizzle/meta has no snapshot of ${tag}`)
    return join(folder, 'meta', file)
  }
  function readSnapshot(tag: string): Snapshot {
    return JSON.parse(readFileSync(snapshotFile(tag), 'utf8')) as Snapshot
  }
}

const writeJson = (file: string, value: unknown) => writeFileSync(file, JSON.stringify(value, null, 2))
