// Makes the migrations that a release brings into migrations of the project: behind its own, with its numbers.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Change } from './change.ts'
import { mergeKeys } from './merge-keys.ts'
import type { Sides } from './plan-files.ts'

interface Journal {
  entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[]
}
interface Snapshot {
  id: string
  prevId: string
  [part: string]: unknown
}

const JOURNAL = 'drizzle/meta/_journal.json'

/**
 * The SQL comes as it is, a file each. The snapshot after it is the project's own with what the release changes in its own,
 * so that `npm run generate` finds nothing to do afterwards.
 */
export function planMigrations({ root, base, newer }: Sides, now = Date.now()): Change[] {
  const journal = readJournal(root)
  const known = new Set(readJournal(base).entries.map(({ tag }) => tag))
  const brought = readJournal(newer).entries.filter(({ tag }) => !known.has(tag))
  if (brought.length === 0) return []

  const mine = newestSnapshot(root, journal)
  const before = newestSnapshot(base, readJournal(base))
  const last = journal.entries.at(-1)
  let prevId = mine.id
  const entries = brought.map((entry, i) => {
    const idx = (last?.idx ?? -1) + 1 + i
    const tag = `${numbered(idx)}_${entry.tag.replace(/^\d+_/, '')}`
    // A migration that is older than one which a database has would be passed over.
    return { ...entry, idx, tag, when: Math.max(now, (last?.when ?? 0) + 1) + i }
  })
  const files = entries.flatMap(({ idx, tag }, i): Change[] => {
    const theirs = brought[i]?.tag ?? ''
    const after = readSnapshot(newer, theirs)
    const { merged, conflicts } = mergeKeys(tablesOf(before), tablesOf(mine), tablesOf(after))
    const snapshot = { id: crypto.randomUUID(), prevId, ...(merged as object) }
    prevId = snapshot.id
    const sql: Change = {
      path: `drizzle/${tag}.sql`,
      what: 'new',
      from: join(newer, `drizzle/${theirs}.sql`),
    }
    if (conflicts.length > 0) {
      Object.assign(sql, { what: 'conflict', why: `yours is another: ${conflicts.join(', ')}` })
    }
    return [
      sql,
      { path: `drizzle/meta/${numbered(idx)}_snapshot.json`, what: 'new', content: json(snapshot) },
    ]
  })
  const content = json({ ...journal, entries: [...journal.entries, ...entries] })
  return [...files, { path: JOURNAL, what: 'merged', content }]
}

/** A snapshot without its place in the chain. */
const tablesOf = ({ id: _id, prevId: _prevId, ...tables }: Snapshot) => tables

const numbered = (idx: number) => String(idx).padStart(4, '0')

const readSnapshot = (root: string, tag: string) =>
  readJson(root, `drizzle/meta/${tag.split('_')[0]}_snapshot.json`) as Snapshot

const readJournal = (root: string) => readJson(root, JOURNAL) as Journal

function newestSnapshot(root: string, { entries }: Journal): Snapshot {
  const newest = entries.at(-1)
  if (newest === undefined) throw new Error(`${join(root, JOURNAL)} names no migration`)
  return readSnapshot(root, newest.tag)
}

const readJson = (root: string, path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'))

/** As drizzle-kit writes it. */
const json = (value: unknown) => JSON.stringify(value, null, 2)
