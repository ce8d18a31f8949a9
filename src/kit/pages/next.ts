// Decides where a page leads when its form is done: to `next` in its address, if that is a page of ours or of a listed origin.
import { z } from 'zod'
import type { KitConfig } from '../config/kit-config.ts'
import type { AnyContext } from '../http/env.ts'
import { isAllowedOrigin } from '../http/origins.ts'

const MAX_LENGTH = 2000
/** No address has it: what resolves against it to another origin leads away from us. */
const HERE = 'http://here.invalid'

/** The query of a page that goes on to another. */
export const NextQuery = z.object({
  next: z.string().optional().describe('The page that follows: a path, or an address of a listed origin.'),
})

/** Adds the page that follows to a page's path. */
export const withNext = (path: string, next: string) => `${path}?next=${encodeURIComponent(next)}`

/** Reads `next` of the request's query, or what was kept of one before; undefined if there is none, or none to be trusted. */
export const nextOf = (c: AnyContext): string | undefined =>
  safeNext(c.get('config'), c.get('next') ?? c.req.query('next') ?? '')

/** Returns the address as a browser reads it; undefined unless it is a path of this server or of a listed origin. */
export function safeNext(config: KitConfig, next: string): string | undefined {
  // Browsers drop control characters, and read \ as /.
  if (next.length > MAX_LENGTH || /[\p{Cc}\s\\]/u.test(next)) return undefined
  if (!next.startsWith('/') && !/^https?:\/\/[^/]/i.test(next)) return undefined
  if (!URL.canParse(next, HERE)) return undefined
  const { origin, pathname, search, hash, username, password, href } = new URL(next, HERE)
  if (username !== '' || password !== '') return undefined
  if (!next.startsWith('/')) return isAllowedOrigin(config, origin) ? href : undefined
  // `/.//host` becomes `//host`, which would be another server's.
  if (origin !== HERE || pathname.startsWith('//')) return undefined
  return pathname + search + hash
}
