// Makes the migrations that a release brings into migrations of the project: behind its own, with its numbers.
import { join } from 'node:path'
import { FOLDER, newestSnapshot } from '../generate/snapshot.ts'
import { journalOf, nextEntries, readJournal, readSnapshot, snapshotOf, toMeta } from '../migrate/folder.ts'
import type { Snapshot } from '../migrate/folder.ts'
import type { Change } from './change.ts'
import { mergeKeys } from './merge-keys.ts'
import type { Sides } from './plan-files.ts'

/**
 * The SQL comes as it is, a file each. The snapshot after it is the project's own with what the release changes in its own,
 * so that `npm run generate` finds nothing to do afterwards.
 */
export function planMigrations({ root, base, newer }: Sides, now = Date.now()): Change[] {
  const journal = readJournal(join(root, FOLDER))
  const known = new Set(readJournal(join(base, FOLDER)).entries.map(({ tag }) => tag))
  const brought = readJournal(join(newer, FOLDER)).entries.filter(({ tag }) => !known.has(tag))
  if (brought.length === 0) return []

  const mine = newestSnapshot(root)
  const before = newestSnapshot(base)
  let prevId = mine.id
  const names = brought.map(({ tag }) => tag.replace(/^\d+_/, ''))
  const entries = nextEntries(journal, names, now)
  const files = entries.flatMap(({ tag }, i): Change[] => {
    const theirs = brought[i]?.tag ?? ''
    const after = readSnapshot(join(newer, FOLDER), theirs)
    const { merged, conflicts } = mergeKeys(tablesOf(before), tablesOf(mine), tablesOf(after))
    const snapshot = { id: crypto.randomUUID(), prevId, ...(merged as ReturnType<typeof tablesOf>) }
    prevId = snapshot.id
    const sql: Change = {
      path: `${FOLDER}/${tag}.sql`,
      what: 'new',
      from: join(newer, FOLDER, `${theirs}.sql`),
    }
    if (conflicts.length > 0) {
      Object.assign(sql, { what: 'conflict', why: `yours is another: ${conflicts.join(', ')}` })
    }
    return [sql, { path: snapshotOf(FOLDER, tag), what: 'new', content: toMeta(snapshot) }]
  })
  const content = toMeta({ ...journal, entries: [...journal.entries, ...entries] })
  return [...files, { path: journalOf(FOLDER), what: 'merged', content }]
}

/** A snapshot without its place in the chain. */
const tablesOf = ({ id: _id, prevId: _prevId, ...tables }: Snapshot) => tables
