// Reads a request's body once, as strict UTF-8. Other readers replace invalid bytes by question marks.
import type { Context } from 'hono'
import { invalidRequest, unsupportedMediaType } from '../types/api-error.ts'

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i
const UTF8 = /^utf-?8$/i
const PARSED = /^application\/(x-www-form-urlencoded|([\w.-]+\+)?json)\s*(;|$)/i

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the body as text, and leaves it where Hono's parsers find it.
 * @throws ApiError 415 for another charset and for a compressed body, 400 for invalid UTF-8
 */
export async function readBody(c: Context): Promise<string> {
  const charset = CHARSET.exec(c.req.header('content-type') ?? '')?.[1] ?? 'utf-8'
  if (!UTF8.test(charset)) throw unsupportedMediaType({ message: 'The charset of the body must be utf-8' })
  const coding = c.req.header('content-encoding') ?? 'identity'
  if (coding.toLowerCase() !== 'identity') {
    throw unsupportedMediaType({
      message: 'The body must not be compressed',
      headers: { 'Accept-Encoding': 'identity' },
    })
  }
  const bytes = await c.req.arrayBuffer()
  try {
    const text = decoder.decode(bytes)
    delete c.req.bodyCache.arrayBuffer // the text is enough to wait with
    c.req.bodyCache.text = Promise.resolve(text) as never // Hono keeps promises there, but types their values
    return text
  } catch {
    throw invalidRequest({ message: 'The body is not valid UTF-8' })
  }
}

/**
 * Resolves when a body that a validator may parse has arrived, or never will: the next reader finds out which. Does not
 * wait for other bodies, which a handler may read as a stream.
 */
export async function bodyArrival(c: Context): Promise<void> {
  if (PARSED.test(c.req.header('content-type') ?? '')) await c.req.arrayBuffer().catch(() => {})
}

/** A run of percent-encoded bytes beyond ASCII, which must be whole characters. */
const ESCAPES = /(?:%[89a-f][0-9a-f])+/gi

/** True if the percent-encoded bytes of a form are UTF-8. */
export function isUtf8Encoded(text: string): boolean {
  if (!text.includes('%')) return true
  try {
    for (const [run] of text.matchAll(ESCAPES)) decodeURIComponent(run)
    return true
  } catch {
    return false
  }
}

/** What the runtime puts into a URL instead of a raw byte that is not UTF-8; nobody sends it on purpose. */
const REPLACED = /%ef%bf%bd/i

/** The same check for the path or the query of a URL. */
export function isUtf8Url(url: string, part: 'path' | 'query'): boolean {
  if (!url.includes('%')) return true
  const [path = '', ...query] = url.split('?')
  const text = part === 'path' ? path : query.join('?')
  return isUtf8Encoded(text) && !REPLACED.test(text)
}
