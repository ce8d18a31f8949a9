// Sends the addresses of the pages around one in a Link header.
import { invalidRequest } from '../types/api-error.ts'
import type { AnyContext } from './env.ts'

/** Rows that a page number can skip: Postgres reads each of them, and with a cursor none. */
const MAX_OFFSET = 100_000

/**
 * Sets the `Link` header.
 * @param at the number of this page
 * @param next the cursor of the next page, if there is one
 * @param prev of the one before; if undefined, the page number has to do
 */
export function linkPages(
  c: AnyContext,
  {
    at,
    size,
    next,
    prev,
    isFirst,
  }: { at: number; size: number; next: string | undefined; prev: string | undefined; isFirst: boolean },
): void {
  const links: string[] = []
  if (next !== undefined) links.push(link(c, 'next', at + 1, { cursor: next }))
  if (prev !== undefined) links.push(link(c, 'prev', Math.max(1, at - 1), { before: prev }))
  else if (at > 1 && !isDeep(at - 1, size)) links.push(link(c, 'prev', at - 1))
  if (!isFirst) links.push(link(c, 'first', 1))
  if (links.length > 0) c.header('Link', links.join(', '))
}

/** For a page: where the next one is, by the header that `answerList` has set; undefined after the last. */
export const nextPageOf = (c: AnyContext): string | undefined =>
  /<([^>]*)>; rel="next"/.exec(c.res.headers.get('Link') ?? '')?.[1]

const isDeep = (page: number, size: number) => (page - 1) * size >= MAX_OFFSET

/** @throws ApiError 400 for a page number that skips too many rows */
export function refuseDeep(page: number, size: number): void {
  if (!isDeep(page, size)) return
  const message = `must begin within the first ${MAX_OFFSET} rows: beyond, follow the cursor in the Link header of the page before`
  throw invalidRequest({ message: `page: ${message}`, issues: [{ path: 'page', message }] })
}

/**
 * A reference relative to the URL that the client requested, which changes only the query: correct behind any proxy,
 * whatever its scheme, host or path prefix. The number beside the cursor is for earlier versions of this server, which
 * know no cursor and may run beside this one.
 */
function link(c: AnyContext, rel: string, page: number, cursors: { cursor?: string; before?: string } = {}) {
  const query = new URLSearchParams(c.req.url.replace(/^[^?#]*|#.*$/g, ''))
  query.set('page', String(page))
  for (const name of ['cursor', 'before'] as const) {
    const cursor = cursors[name]
    if (cursor === undefined) query.delete(name)
    else query.set(name, cursor)
  }
  return `<?${query.toString()}>; rel="${rel}"`
}
