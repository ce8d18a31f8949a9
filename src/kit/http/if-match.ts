// Refuses a write that goes by an older state of a row than the current one: no update is lost (RFC 9110, 13.1.1).
//
//   table.ts     version: version(),                                   and `version: z.int()` among what a client sees
//   queries.ts   .where(and(eq(books.id, id), isVersion(books.version, versions)))     in the same statement as the change
//   routes.ts    ifMatch(),   or ifMatch({ required: true })
//                const book = await updateBook(c.var.db, id, input, c.var.versions)
//                return c.var.respond(await writtenRow(c, book, () => findBook(c.var.db, id)))
//
// `version` and `isVersion` are in src/kit/data/version.ts, the rest is here. The statement that writes compares the version itself:
// of many at once one wins.
import { createMiddleware } from 'hono/factory'
import type { MiddlewareHandler } from 'hono'
import type { Versions } from '../data/version.ts'
import { defineError, notFound } from '../types/api-error.ts'
import { tagOf } from './conditional.ts'
import { tag } from './doc.ts'
import type { AnyContext } from './env.ts'

export const preconditionFailed = defineError(
  412,
  'precondition_failed',
  'It has changed meanwhile: `ETag` is that of its current state. Read it again, and decide anew',
)
export const preconditionRequired = defineError(
  428,
  'precondition_required',
  'Send `If-Match` with the `ETag` that you have read: it keeps you from undoing the change of another',
)

type Env = { Variables: { versions: Versions } }

const ABOUT =
  'The `ETag` of the row as it was read, or its `version` in quotes: with 412 nothing is changed, as another has changed it meanwhile.'

/** Reads `If-Match` into `c.var.versions`: undefined for no header and for `*`. @param options.required 428 without the header */
export function ifMatch({ required = false } = {}): MiddlewareHandler<Env> {
  const handler = createMiddleware<Env>((c, next) => {
    const header = c.req.header('if-match')
    if (required && header === undefined) throw preconditionRequired()
    c.set('versions', header === undefined || header.trim() === '*' ? undefined : versionsOf(header))
    return next()
  })
  return tag(handler, {
    requestHeader: { name: 'If-Match', about: ABOUT, required },
    errors: required ? [preconditionFailed, preconditionRequired] : [preconditionFailed],
  })
}

/**
 * A tag that is weak never matches, and a proxy that compresses may make it so: then the `version` serves. Or it adds a word to
 * the tag: what follows the version does not count, as the statement compares versions.
 */
const STRONG_TAG = /^"(\d{1,9})(?:-[^"]*)?"$/

const versionsOf = (header: string): number[] =>
  header.split(',').flatMap((one) => {
    const version = STRONG_TAG.exec(one.trim())?.[1]
    return version === undefined ? [] : Number(version)
  })

/**
 * The row that a conditional write has returned.
 * @param find reads it, for the ETag of its current state, as the GET that gave the client its own
 * @throws preconditionFailed if it is in another state than `If-Match` says; notFound
 */
export async function writtenRow<Row extends object>(
  c: AnyContext,
  row: Row | undefined,
  find: () => Promise<Row | undefined>,
): Promise<Row> {
  if (row !== undefined) return row
  const current = c.get('versions') === undefined ? undefined : await find()
  if (current === undefined) throw notFound(c)
  throw preconditionFailed({ headers: { ETag: tagOf(current) } })
}
