// Creates and deletes many rows by one PATCH of their list: all or nothing, as that method demands (RFC 5789, 2).
//
//   routes.ts    .patch('/', doc('Creates and deletes many books.', batchResponse(BookResponse), { otherStatuses: [404] }),
//                  requireRole('editor'), validate('json', batchBody(NewBook)), idempotent(), async (c) =>
//                  c.var.respond(await runBatch(c.var.db, c.req.valid('json'), { create: createBooks, delete: deleteBooks })))
//
// All at once first; only where that is refused, in halves, until it is known which row it was.
import { z } from 'zod'
import type { Db } from '../types/db.ts'
import { ApiError } from '../types/api-error.ts'
import { rowId } from './field-inputs.ts'
import { refusalOf } from './sql-refusals.ts'

/** Rows to create, and ids to delete, in one request. So many of usual size fit into the answer that an `Idempotency-Key` keeps. */
export const MAX_BATCH = 100

/** `{ create: [{ ... }], delete: ['7'] }`, or one of the two. @param id of a row, by default a serial one */
export const batchBody = <S extends z.ZodType, K extends z.ZodType = ReturnType<typeof rowId>>(
  item: S,
  id = rowId() as z.ZodType as K,
) =>
  z
    .object({
      create: z.array(item).max(MAX_BATCH).optional(),
      delete: z
        .array(id)
        .max(MAX_BATCH)
        .optional()
        .describe('Ids. They are deleted before the others are created.'),
    })
    .refine((body) => body.create?.length || body.delete?.length, 'names nothing to create or to delete')

/** In the order of the body. */
export const batchResponse = <S extends z.ZodType>(row: S) =>
  z.object({ created: z.array(row), deleted: z.array(row) })

interface Batch<Item, Id> {
  create?: Item[] | undefined
  delete?: Id[] | undefined
}

interface Statements<Item, Id, Row> {
  /** The schema of an item, for what a constraint refuses. */
  of: z.ZodType<Item>
  /** Returns the rows in the order of the items. */
  create(db: Db, items: Item[]): Promise<Row[]>
  /** Returns those that it has deleted: without what is not there, or may not be deleted. */
  delete(db: Db, ids: Id[]): Promise<Row[]>
}

/**
 * Deletes, then creates, in one transaction. An id that comes twice counts once.
 * @throws ApiError `not_found` for a row that cannot be deleted, and what `create` or the database refuses; `issues` names the
 * first of them, as `create.3.title` or `delete.3`
 */
export async function runBatch<Item, Id, Row extends { id: unknown }>(
  db: Db,
  batch: Batch<Item, Id>,
  statements: Statements<Item, Id, Row>,
): Promise<{ created: Row[]; deleted: Row[] }> {
  const { create: items = [], delete: ids = [] } = batch
  const attempt = (run: typeof atOnce) =>
    db.transaction(async (tx) => {
      const rows = await run(tx, ids, statements.delete, (error, i) => placed(error, `delete.${i}`))
      const deleted = inOrder(ids, rows)
      const place = (error: unknown, i: number) => placed(error, `create.${i}`, statements.of)
      return { deleted, created: await run(tx, items, statements.create, place) }
    })
  try {
    return await attempt(atOnce)
  } catch (error) {
    if (error instanceof NotThere || refused(error) === null) throw error
    return attempt(inHalves)
  }
}

type Write<T, Row> = (db: Db, some: T[]) => Promise<Row[]>
type Place = (error: unknown, i: number) => unknown

const atOnce = async <T, Row>(db: Db, all: T[], write: Write<T, Row>, _place: Place, _first = 0) =>
  all.length > 0 ? write(db, all) : []

/** A half that is refused is halved, until the row is found: some statements, where one for each row would be a hundred. */
const inHalves: typeof atOnce = async (db, all, write, place, first = 0) => {
  if (all.length < 2)
    return atOnce(db, all, write, place).catch((error: unknown) => {
      throw place(error, first)
    })
  const middle = Math.ceil(all.length / 2)
  const left = all.slice(0, middle)
  const rows = await db
    .transaction((tx) => write(tx, left))
    .catch((error: unknown) => {
      if (refused(error) === null) throw error
      return inHalves(db, left, write, place, first)
    })
  return [...rows, ...(await inHalves(db, all.slice(middle), write, place, first + middle))]
}

const refused = (error: unknown, of?: z.ZodType) => (error instanceof ApiError ? error : refusalOf(error, of))

function placed(error: unknown, place: string, of?: z.ZodType): unknown {
  const refusal = refused(error, of)
  if (refusal === null) return error
  const { status, code, message, issues = [{ path: '', message }], headers } = refusal
  const at = issues.map((issue) => ({ ...issue, path: issue.path === '' ? place : `${place}.${issue.path}` }))
  return new ApiError(status, `${at[0]?.path}: ${at[0]?.message}`, { code, headers, issues: at })
}

class NotThere extends ApiError {
  constructor(path: string) {
    const message = 'is not there'
    super(404, `${path}: ${message}`, { issues: [{ path, message }] })
  }
}

/** @throws NotThere for an id without a row */
function inOrder<Row extends { id: unknown }>(ids: unknown[], rows: Row[]): Row[] {
  const byId = new Map(rows.map((row) => [String(row.id), row]))
  return [...new Set(ids)].map((id) => {
    const row = byId.get(String(id))
    if (row === undefined) throw new NotThere(`delete.${ids.indexOf(id)}`)
    return row
  })
}
