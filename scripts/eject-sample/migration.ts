// The sample's table: dropped by a migration, or made as if it had never been.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TABLE = 'public.movies'

interface Snapshot {
  id: string
  prevId: string
  tables: Record<string, unknown>
}
interface Journal {
  entries: { tag: string }[]
}

/**
 * Takes the migration that made the table out of drizzle/, and the table out of every later snapshot.
 * Only for a project that no database has been migrated by, but those that can be thrown away.
 * @param root the checkout
 * @returns what was deleted and changed
 * @throws Error if a later migration is about that table, before anything is changed
 */
export function forgetMigration(root: string): string[] {
  const folder = join(root, 'drizzle')
  const journalFile = join(folder, 'meta/_journal.json')
  const journal = JSON.parse(readFileSync(journalFile, 'utf8')) as Journal
  const sqlOf = (tag: string) => readFileSync(join(folder, `${tag}.sql`), 'utf8')
  const about = journal.entries.filter(({ tag }) => /"movies"/.test(sqlOf(tag)))
  const [creating, another] = about
  if (creating === undefined) throw new Error('No migration in drizzle/ makes the table "movies"')
  if (another !== undefined) {
    throw new Error(
      `drizzle/${another.tag}.sql is about the table "movies" too: leave --undeployed away, and it is dropped`,
    )
  }

  const gone = readSnapshot(creating.tag)
  const changed = [`deleted drizzle/${creating.tag}.sql`]
  const later = journal.entries.slice(journal.entries.indexOf(creating) + 1)
  for (const { tag } of later) {
    const snapshot = readSnapshot(tag)
    delete snapshot.tables[TABLE]
    if (snapshot.prevId === gone.id) snapshot.prevId = gone.prevId
    writeJson(snapshotFile(tag), snapshot)
  }
  writeJson(journalFile, { ...journal, entries: journal.entries.filter((entry) => entry !== creating) })
  for (const file of [join(folder, `${creating.tag}.sql`), snapshotFile(creating.tag)]) rmSync(file)
  return [...changed, `changed drizzle/meta (${later.length} later snapshot(s) and the journal)`]

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
