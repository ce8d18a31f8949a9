// Creates and deletes many rows by one PATCH of their list: all or nothing, as that method demands (RFC 5789, 2).
//
//   routes.ts    .patch('/', doc('Creates and deletes many books.', batchResponse(BookResponse), { otherStatuses: [404] }),
//                  requireRole('editor'), validate('json', batchBody(NewBook)), idempotent(), async (c) =>
//                  c.var.respond(await runBatch(c.var.db, c.req.valid('json'), { create: createBooks, delete: deleteBooks })))
//
// All at once first; only where the database refuses that, one by one, until it is known which row it was.
import { z } from 'zod'
import type { Db } from '../types/db.ts'
import { ApiError } from '../types/api-error.ts'
import { refusalOf } from './sql-refusals.ts'
import { BodyId } from './validate.ts'

/** Rows to create, and ids to delete, in one request. So many of usual size fit into the answer that an `Idempotency-Key` keeps. */
export const MAX_BATCH = 100

/** One more is let through, and refused: what is behind it costs nothing. */
const bounded = <S extends z.ZodType>(item: S) =>
  z.preprocess(
    (given) => (Array.isArray(given) ? given.slice(0, MAX_BATCH + 1) : given),
    z.array(item).max(MAX_BATCH),
  ) as z.ZodType as z.ZodArray<S>

/** `{ create: [{ ... }], delete: ['7'] }`, or one of the two. @param id of a row, by default a serial one */
export const batchBody = <S extends z.ZodType, K extends z.ZodType = typeof BodyId>(
  item: S,
  id = BodyId as z.ZodType as K,
) =>
  z
    .object({
      create: bounded(item).optional(),
      delete: bounded(id).optional().describe('Ids. They are deleted before the others are created.'),
    })
    .refine((body) => body.create?.length || body.delete?.length, 'names nothing to create or to delete')

/** In the order of the body. */
export const batchResponse = <S extends z.ZodType>(row: S) =>
  z.object({ created: z.array(row), deleted: z.array(row) })

interface Batch<Item, Id> {
  create?: Item[] | undefined
  delete?: Id[] | undefined
}

/** Statements for any number of rows. */
interface Statements<Item, Id, Row> {
  /** Returns the rows in the order of the items. */
  create(db: Db, items: Item[]): Promise<Row[]>
  /** Returns those that it has deleted: without what is not there, or may not be deleted. */
  delete(db: Db, ids: Id[]): Promise<Row[]>
}

/**
 * Deletes, then creates, in one transaction. An id that comes twice counts once.
 * @throws ApiError `not_found` for a row that cannot be deleted, and whatever the database refuses; `issues` names the first
 * of them, as `create.3.title` or `delete.3`
 */
export async function runBatch<Item, Id, Row extends { id: unknown }>(
  db: Db,
  batch: Batch<Item, Id>,
  statements: Statements<Item, Id, Row>,
): Promise<{ created: Row[]; deleted: Row[] }> {
  const { create: items = [], delete: ids = [] } = batch
  const attempt = (run: typeof atOnce) =>
    db.transaction(async (tx) => {
      const rows = await run('delete', ids, (some) => statements.delete(tx, some))
      const deleted = inOrder(ids, rows)
      return { deleted, created: await run('create', items, (some) => statements.create(tx, some)) }
    })
  try {
    return await attempt(atOnce)
  } catch (error) {
    if (refusalOf(error) === null) throw error
    return attempt(oneByOne)
  }
}

const atOnce = async <T, Row>(
  _name: string,
  all: T[],
  write: (some: T[]) => Promise<Row[]>,
): Promise<Row[]> => (all.length > 0 ? write(all) : [])

const oneByOne: typeof atOnce = async (name, all, write) => {
  const rows = []
  for (const [i, each] of all.entries()) {
    try {
      rows.push(...(await write([each])))
    } catch (error) {
      throw placed(error, `${name}.${i}`)
    }
  }
  return rows
}

function placed(error: unknown, place: string): unknown {
  const refusal = refusalOf(error)
  if (refusal === null) return error
  const { status, code, message, issues = [{ path: '', message }], headers } = refusal
  return new ApiError(status, `${place}: ${message}`, {
    code,
    headers,
    issues: issues.map(({ path, message: what }) => ({
      path: path ? `${place}.${path}` : place,
      message: what,
    })),
  })
}

/** @throws ApiError for an id without a row */
function inOrder<Row extends { id: unknown }>(ids: unknown[], rows: Row[]): Row[] {
  const byId = new Map(rows.map((row) => [String(row.id), row]))
  return [...new Set(ids)].map((id) => {
    const row = byId.get(String(id))
    if (row !== undefined) return row
    const place = `delete.${ids.indexOf(id)}`
    const message = 'is not there'
    throw new ApiError(404, `${place}: ${message}`, { issues: [{ path: place, message }] })
  })
}
