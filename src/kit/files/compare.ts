// Compares the store with the table: bytes of which no row knows, and rows whose bytes are not there.
import { inArray } from 'drizzle-orm'
import { z } from 'zod'
import { pagesByKey } from '../data/pages-by-key.ts'
import type { Db } from '../types/db.ts'
import type { FileRow, FilesTable } from './files-table.ts'
import type { FileStore } from './store.ts'

/** Names of one question to the database, and questions to the store at once. */
const [NAMES, AT_ONCE] = [500, 16]
/** What is younger may be of a row that is about to know it. */
const A_DAY_MS = 24 * 60 * 60_000

/** Yields the names of bytes of which no row knows. */
export async function* orphansIn(db: Db, table: FilesTable, store: FileStore): AsyncGenerator<string> {
  async function* unknown(names: string[]) {
    const ids = names.map((name) => name.slice(name.indexOf('/') + 1).split('.')[0])
    const columns = { id: table.id, state: table.state, object: table.object }
    const isOneOf = inArray(table.id, ids.filter((id) => id !== undefined).filter(isUuid))
    const rows = await db.select(columns).from(table).where(isOneOf)
    const known = new Set(
      rows.flatMap(({ id, state, object }) => [object, state === 'pending' ? `incoming/${id}` : null]),
    )
    yield* names.filter((name) => !known.has(name))
  }
  const names: string[] = []
  for await (const { name, modified } of store.list()) {
    if (modified.getTime() > Date.now() - A_DAY_MS) continue
    if (names.push(name) >= NAMES) yield* unknown(names.splice(0))
  }
  if (names.length > 0) yield* unknown(names)
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
