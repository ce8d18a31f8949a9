// Compares the store with the table: bytes of which no row knows, and rows whose bytes are not there.
import { inArray, isNotNull } from 'drizzle-orm'
import { z } from 'zod'
import { pagesByKey } from '../data/pages-by-key.ts'
import type { Job } from '../jobs/task.ts'
import type { Db } from '../types/db.ts'
import type { FileRow, FilesTable } from './files-table.ts'
import type { FileStore, Stored } from './store.ts'

/** Names of one question to the database, and questions to the store at once. */
const [NAMES, AT_ONCE] = [500, 16]
/** What is younger may be of a row that is about to know it. */
const A_DAY_MS = 24 * 60 * 60_000

const ageOf = ({ modified }: Stored) => Date.now() - modified.getTime()

/** Yields the bytes of which no row knows. */
export async function* orphansIn(db: Db, table: FilesTable, store: FileStore): AsyncGenerator<Stored> {
  async function* unknown(stored: Stored[]) {
    const ids = stored.map(({ name }) => name.slice(name.indexOf('/') + 1).split('.')[0])
    const columns = { id: table.id, state: table.state, object: table.object }
    const isOneOf = inArray(table.id, ids.filter((id) => id !== undefined).filter(isUuid))
    const rows = await db.select(columns).from(table).where(isOneOf)
    const known = new Set(
      rows.flatMap(({ id, state, object }) => [object, state === 'pending' ? `incoming/${id}` : null]),
    )
    yield* stored.filter(({ name }) => !known.has(name))
  }
  const some: Stored[] = []
  for await (const stored of store.list()) {
    if (ageOf(stored) > A_DAY_MS && some.push(stored) >= NAMES) yield* unknown(some.splice(0))
  }
  if (some.length > 0) yield* unknown(some)
}

/** A restored backup of the database knows none of the files that were made after it: so long there is to notice. */
const GRACE_MS = 30 * A_DAY_MS
/** Those that a process leaves which dies are fewer. More than that, and than a tenth of the files, are no orphans. */
const FEW = 20
const AT_MOST = 10_000

/**
 * Deletes what no row knows: what was uploaded and is of no use to anybody after a day, the bytes of files after 30 days.
 * Where these are so many that the database or the store is rather another one it deletes nothing, and says so.
 * @returns how many were deleted; the next night takes what is above 10,000
 */
export async function removeOrphans(db: Db, table: FilesTable, store: FileStore, job: Job): Promise<number> {
  const due: string[] = []
  let kept = 0
  for await (const stored of orphansIn(db, table, store)) {
    job.signal.throwIfAborted()
    const isKept = stored.name.startsWith('kept/')
    if (isKept) kept++
    if ((!isKept || ageOf(stored) > GRACE_MS) && due.length < AT_MOST) due.push(stored.name)
  }
  const files = await db.$count(table, isNotNull(table.object))
  const isOther = kept > Math.max(FEW, files / 10)
  const found = { kept, files, see: 'npm run files -- check' }
  if (isOther) job.log.error('BYTES OF UNKNOWN FILES, nothing is deleted: is this another database?', found)
  if (isOther) return 0
  if (kept > 0) job.log.warn('bytes of unknown files', found)
  for (const name of due) {
    job.signal.throwIfAborted()
    await store.remove(name)
  }
  return due.length
}

/** Yields the files that should have bytes and have none, or another number of them. */
export async function* lostIn(db: Db, table: FilesTable, store: FileStore) {
  const { id, name, object, size, state } = table
  const where = inArray(state, ['ready', 'checking'])
  for await (const page of pagesByKey(db, {
    table,
    columns: { id, name, object, size, state },
    key: [id],
    where,
  })) {
    const rows = page.map(({ row }) => row as Pick<FileRow, 'id' | 'name' | 'object' | 'size' | 'state'>)
    for (let at = 0; at < rows.length; at += AT_ONCE) {
      const some = rows.slice(at, at + AT_ONCE)
      const found = await Promise.all(some.map((row) => store.inspect(row.object ?? '')))
      yield* some.filter((row, i) => found[i]?.size !== row.size)
    }
  }
}

const isUuid = (text: string) => z.uuid().safeParse(text).success
