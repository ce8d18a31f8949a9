// Makes the migrations that a release brings into migrations of the project: behind its own, with its numbers.
import { join } from 'node:path'
import { journalOf, readJournal, readSnapshot, snapshotOf, toMeta } from '../migrate/folder.ts'
import type { Snapshot } from '../migrate/folder.ts'
import type { Change } from './change.ts'
import { mergeKeys } from './merge-keys.ts'
import type { Sides } from './plan-files.ts'

const FOLDER = 'drizzle'

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
  const last = journal.entries.at(-1)
  let prevId = mine.id
  const entries = brought.map((entry, i) => {
    const idx = (last?.idx ?? -1) + 1 + i
    const tag = `${numbered(idx)}_${entry.tag.replace(/^\d+_/, '')}`
    // A migration that is older than one which a database has would be passed over.
    return { ...entry, idx, tag, when: Math.max(now, (last?.when ?? 0) + 1) + i }
  })
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

const numbered = (idx: number) => String(idx).padStart(4, '0')

/** As the journal of a checkout has it. */
function newestSnapshot(root: string): Snapshot {
  const folder = join(root, FOLDER)
  const newest = readJournal(folder).entries.at(-1)
  if (newest === undefined) throw new Error(`${journalOf(folder)} names no migration`)
  return readSnapshot(folder, newest.tag)
}
