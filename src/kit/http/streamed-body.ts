// Lets a route take its body as a stream, with a limit and a time of its own beside those of all routes.
import { matchedRoutes } from 'hono/route'
import { contentTooLarge, defineError } from '../types/api-error.ts'
import { contributionOf, tag } from './doc.ts'
import type { AnyContext } from './env.ts'
import { middleware } from './factory.ts'

export interface StreamedBody {
  /** Instead of BODY_LIMIT. */
  maxBytes: number
  /** Instead of REQUEST_TIMEOUT_MS: what arrives slowly is not stuck. */
  timeoutMs: number
}

export const lengthRequired = defineError(411, 'length_required', 'The request must say its `Content-Length`')

/**
 * The handler reads `c.req.raw.body` piece by piece and holds none of it. Place it before whatever reads a body. A body without a
 * length is refused: nobody would know what to make room for.
 */
export function streamsBody({ maxBytes, timeoutMs }: StreamedBody) {
  const handler = middleware((c, next) => {
    const length = c.req.header('content-length')
    if (length === undefined || c.req.header('transfer-encoding') !== undefined) throw lengthRequired()
    if (Number(length) > maxBytes)
      throw contentTooLarge({ message: `The body is larger than ${maxBytes} bytes` })
    return next()
  })
  return tag(handler, { streams: { maxBytes, timeoutMs }, errors: [lengthRequired, contentTooLarge] })
}

/** What the route that answers declares by `streamsBody`. */
export const streamedBodyOf = (c: AnyContext): StreamedBody | undefined =>
  matchedRoutes(c)
    .map(({ handler }) => contributionOf(handler)?.streams)
    .find((streams) => streams !== undefined)
