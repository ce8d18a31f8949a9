// Serves lists in pages: loads one row more than the page holds, and sends the next page's address in a Link header.
import { sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { invalidRequest } from '../types/api-error.ts'
import type { AnyContext } from './env.ts'
import { blankAsAbsent } from './validate.ts'

/** The description of the header for a route's `doc`. */
export const PAGE_LINKS = {
  Link: 'The next page, by its cursor, if there is one; the previous and the first (RFC 8288).',
}

/** Rows that a page number can skip: Postgres reads each of them, and with a cursor none. */
const MAX_OFFSET = 100_000
/** Skipped in a millisecond or two. A page that skips more is too slow for the fast lane. */
export const SHALLOW_OFFSET = 10_000
const MAX_CURSOR = 200

/** A column's timestamp as text, with Postgres's microseconds, which a Date would drop. */
export const microsecondsOf = (column: AnyPgColumn) =>
  sql<string>`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** What `microsecondsOf` returns, as a cursor brings it. */
export const Microseconds = z
  .string()
  .max(27, { abort: true })
  .check(z.iso.datetime({ precision: 6 }))
  .refine((moment) => moment > '0001')

/** Which rows to load. */
export interface Span<Key> {
  limit: number
  offset: number
  /** The last row of the previous page, by its position in the order. */
  after: Key | undefined
}

/**
 * The `cursor` of a query: a row's position in the order of a list, opaque to clients.
 * @param key the schema of what `keyOf` of `paged` returns
 */
export const cursorOf = <S extends z.ZodType>(key: S) =>
  blankAsAbsent(
    z
      .string()
      .max(MAX_CURSOR, { abort: true })
      .transform((text, context): z.output<S> => {
        const { success, data } = key.safeParse(decode(text))
        if (success) return data
        context.addIssue('must be one from the Link header of this list')
        return z.NEVER
      })
      .optional(),
  ).describe('Where the page begins, from the Link header of the previous one. `page` is then only a label.')

/** The `cursor` of a row, for the link of a page. */
export const encodeCursor = (key: unknown) =>
  btoa(JSON.stringify(key)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

function decode(text: string): unknown {
  try {
    return JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/')))
  } catch {
    return undefined
  }
}

/**
 * Loads a page and sets its `Link` header.
 * @param page counts from 1; 0 is the first page too. With a cursor it is only a label
 * @param size rows on a page
 * @param load gets the rows in a fixed order: `limit` of them, after `offset` and after the row of `after`
 * @param keyOf a row's position in that order, as JSON of ASCII: the content of its cursor
 * @throws ApiError 400 for a page number that skips too many rows
 */
export async function paged<Row, Key>(
  c: AnyContext,
  { page, size, cursor }: { page: number; size: number; cursor: Key | undefined },
  load: (span: Span<Key>) => PromiseLike<Row[]>,
  keyOf: (row: Row) => string | string[],
): Promise<Row[]> {
  const at = Math.max(1, page)
  if (cursor === undefined) refuseDeep(at, size)
  const rows = await load({
    limit: size + 1,
    offset: cursor === undefined ? (at - 1) * size : 0,
    after: cursor,
  })
  const shown = rows.slice(0, size)
  const last = shown.at(-1)
  const links: string[] = []
  if (rows.length > size && last !== undefined) links.push(link(c, 'next', at + 1, encodeCursor(keyOf(last))))
  if (at > 1 && !isDeep(at - 1, size)) links.push(link(c, 'prev', at - 1))
  if (at > 1 || cursor !== undefined) links.push(link(c, 'first', 1))
  if (links.length > 0) c.header('Link', links.join(', '))
  return shown
}

/** For a page: where the next one is, by the header that `paged` has set; undefined after the last. */
export const nextPageOf = (c: AnyContext): string | undefined =>
  /<([^>]*)>; rel="next"/.exec(c.res.headers.get('Link') ?? '')?.[1]

const isDeep = (page: number, size: number) => (page - 1) * size >= MAX_OFFSET

function refuseDeep(page: number, size: number): void {
  if (!isDeep(page, size)) return
  const message = `must begin within the first ${MAX_OFFSET} rows: beyond, follow the cursor in the Link header of the page before`
  throw invalidRequest({ message: `page: ${message}`, issues: [{ path: 'page', message }] })
}

/**
 * A reference relative to the URL that the client requested, which changes only the query: correct behind any proxy,
 * whatever its scheme, host or path prefix. The number beside the cursor is for earlier versions of this server, which
 * know no cursor and may run beside this one.
 */
function link(c: AnyContext, rel: string, page: number, cursor?: string): string {
  const query = new URLSearchParams(c.req.url.replace(/^[^?#]*|#.*$/g, ''))
  query.set('page', String(page))
  if (cursor === undefined) query.delete('cursor')
  else query.set('cursor', cursor)
  return `<?${query.toString()}>; rel="${rel}"`
}
