// Makes tables as if they had never been: takes them out of the migrations.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { journalOf, readJournal, readSnapshot, snapshotOf, toMeta } from '../migrate/folder.ts'

const BREAKPOINT = '--> statement-breakpoint'

/** A statement about one of the tables and nothing else; another's foreign key to it, say, is none. */
const aboutOnly = (names: string) =>
  new RegExp(
    `^\\s*(--.*\\n\\s*)*((CREATE|ALTER|DROP) TABLE "(${names})"|CREATE (UNIQUE )?INDEX (CONCURRENTLY )?"\\w+" ON "(${names})"|` +
      `DROP INDEX (CONCURRENTLY (IF EXISTS )?)?"(${names})_)`,
  )

/**
 * Takes the migrations that made the tables out of drizzle/, and the tables out of every later snapshot.
 * Only for a project that no database has been migrated by, but those that can be thrown away.
 * @param root the checkout
 * @param tables their names in Postgres: one migration may have made several
 * @returns what was deleted and changed
 * @throws Error if a migration is about one of them and something else, before anything is changed
 */
export function forgetMigrations(root: string, tables: string[]): string[] {
  const folder = join(root, 'drizzle')
  const journal = readJournal(folder)
  const sqlOf = (tag: string) => readFileSync(join(folder, `${tag}.sql`), 'utf8')
  const tells = (tag: string, table: string) => sqlOf(tag).includes(`"${table}"`)
  const about = journal.entries.filter(({ tag }) => tables.some((table) => tells(tag, table)))
  const unmade = tables.find((table) => !about.some(({ tag }) => tells(tag, table)))
  if (unmade !== undefined) throw new Error(`No migration in drizzle/ makes the table "${unmade}"`)
  const isAbout = aboutOnly(tables.join('|'))
  const shared = about.find(
    ({ tag }) =>
      !sqlOf(tag)
        .split(BREAKPOINT)
        .every((statement) => isAbout.test(statement)),
  )
  if (shared !== undefined) {
    throw new Error(
      `drizzle/${shared.tag}.sql is not about ${tables.join(', ')} alone: leave --undeployed away, and it is dropped`,
    )
  }

  const left = journal.entries.filter((entry) => !about.includes(entry))
  const replacedBy = new Map(
    about.map(({ tag }) => readSnapshot(folder, tag)).map(({ id, prevId }) => [id, prevId]),
  )
  const later = left.slice(journal.entries.findIndex((entry) => about.includes(entry)))
  for (const { tag } of later) {
    const snapshot = readSnapshot(folder, tag)
    for (const table of tables) delete snapshot.tables[`public.${table}`]
    for (
      let before = replacedBy.get(snapshot.prevId);
      before !== undefined;
      before = replacedBy.get(before)
    ) {
      snapshot.prevId = before
    }
    writeFileSync(snapshotOf(folder, tag), toMeta(snapshot))
  }
  writeFileSync(journalOf(folder), toMeta({ ...journal, entries: left }))
  for (const { tag } of about)
    for (const file of [snapshotOf(folder, tag), join(folder, `${tag}.sql`)]) rmSync(file)
  return [
    ...about.map(({ tag }) => `deleted drizzle/${tag}.sql`),
    `changed drizzle/meta (${later.length} later snapshot(s) and the journal)`,
  ]
}
