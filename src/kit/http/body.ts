// A request's body, read once: as UTF-8, or refused. What reads it otherwise turns broken letters into question marks.
import type { Context } from 'hono'
import { ApiError } from '../types/api-error.ts'

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i
const UTF8 = /^utf-?8$/i
const PARSED = /^application\/(x-www-form-urlencoded|([\w.-]+\+)?json)\s*(;|$)/i

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The body as text; Hono's parsers find it where this has put it.
 * @throws ApiError 415 for another charset and for a compressed body, 400 for what is no UTF-8
 */
export async function readBody(c: Context): Promise<string> {
  const charset = CHARSET.exec(c.req.header('content-type') ?? '')?.[1] ?? 'utf-8'
  if (!UTF8.test(charset)) throw new ApiError(415, 'The charset of the body must be utf-8')
  const coding = c.req.header('content-encoding') ?? 'identity'
  if (coding.toLowerCase() !== 'identity') {
    throw new ApiError(415, 'The body must not be compressed', { headers: { 'Accept-Encoding': 'identity' } })
  }
  const bytes = await c.req.arrayBuffer()
  try {
    const text = decoder.decode(bytes)
    c.req.bodyCache.text = Promise.resolve(text) as never // Hono keeps promises there, and types what they give
    return text
  } catch {
    throw new ApiError(400, 'The body is not valid UTF-8')
  }
}

/**
 * Resolves when a body that a validator may parse has come, or does not come any more: whoever asks for it next learns
 * which. Others, which a handler may read as a stream, are not waited for.
 */
export async function bodyArrival(c: Context): Promise<void> {
  if (PARSED.test(c.req.header('content-type') ?? '')) await c.req.arrayBuffer().catch(() => {})
}

/** Runs of percent-encoded bytes beyond ASCII: each has to be whole characters. */
const ESCAPES = /(?:%[89a-f][0-9a-f])+/gi

/** True if what stands percent-encoded in a form is UTF-8. */
export function isUtf8Encoded(text: string): boolean {
  if (!text.includes('%')) return true
  try {
    for (const [run] of text.matchAll(ESCAPES)) decodeURIComponent(run)
    return true
  } catch {
    return false
  }
}

/** What the runtime puts in a URL in place of a raw byte that is no UTF-8; nobody else means to ask for it. */
const REPLACED = /%ef%bf%bd/i

/** The same of the path or the query of a URL. */
export function isUtf8Url(url: string, part: 'path' | 'query'): boolean {
  if (!url.includes('%')) return true
  const [path = '', ...query] = url.split('?')
  const text = part === 'path' ? path : query.join('?')
  return isUtf8Encoded(text) && !REPLACED.test(text)
}
