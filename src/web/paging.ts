// Lists by pages: one row more than the page holds is asked for, and tells by a Link header whether there is a next.
import type { AnyContext } from './factory.ts'

/** What a route says of the header in its `doc`. */
export const PAGE_LINKS = { Link: 'The next page, if there is one, the previous and the first (RFC 8288).' }

/** Which rows to load. */
export interface Span {
  limit: number
  offset: number
}

/**
 * Loads a page and sets its `Link` header.
 * @param page counts from 1; 0 is the first page too
 * @param size rows on a page
 * @param load gets the rows in a fixed order: `limit` of them, after `offset`
 */
export async function paged<Row>(
  c: AnyContext,
  { page, size }: { page: number; size: number },
  load: (span: Span) => PromiseLike<Row[]>,
): Promise<Row[]> {
  const at = Math.max(1, page)
  const rows = await load({ limit: size + 1, offset: (at - 1) * size })
  const links: string[] = []
  if (rows.length > size) links.push(link(c, at + 1, 'next'))
  if (at > 1) links.push(link(c, at - 1, 'prev'), link(c, 1, 'first'))
  if (links.length > 0) c.header('Link', links.join(', '))
  return rows.slice(0, size)
}

/**
 * A reference relative to the URL that the client asked for, of which it changes the query only:
 * right behind any proxy, whatever scheme, host or path prefix that one has.
 */
function link(c: AnyContext, page: number, rel: string): string {
  const query = new URLSearchParams(c.req.url.replace(/^[^?#]*|#.*$/g, ''))
  query.set('page', String(page))
  return `<?${query.toString()}>; rel="${rel}"`
}
