// Limits the size of a request's body, and the memory that the large ones of all requests take.
import { bodyLimit as honoBodyLimit } from 'hono/body-limit'
import { BusyError } from '../data/gate.ts'
import { contentTooLarge } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'
import { isSafeMethod } from './safe-methods.ts'
import { streamedBodyOf } from './streamed-body.ts'

/** Smaller ones are not counted: a process that has room for a request has room for them. */
const LARGE_BYTES = 64 * 1024

/**
 * Responds with 413 to a body of more than `maxBytes`, with or without a Content-Length, and with 503 to a large one
 * while those of other requests, which may wait for a place, fill `maxBytesOfAll`. One alone is never refused for that.
 */
export function bodyLimit(maxBytes: number, maxBytesOfAll: number) {
  let held = 0
  const limit = honoBodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw contentTooLarge({ message: `The body is larger than ${maxBytes} bytes` })
    },
  })
  const handler = middleware(async (c, next) => {
    if (isSafeMethod(c.req.method)) return next()
    // Without a length it may become as large as it may be.
    const isChunked = c.req.header('transfer-encoding') !== undefined
    const size = isChunked ? maxBytes : Math.min(maxBytes, Number(c.req.header('content-length') ?? 0))
    if (size <= LARGE_BYTES) return limit(c, next)
    if (streamedBodyOf(c) !== undefined) return next() // it has a limit of its own, and is not held
    if (held > 0 && held + size > maxBytesOfAll) throw new BusyError('too many large bodies are in work')
    held += size
    try {
      return await limit(c, next)
    } finally {
      held -= size
    }
  })
  return tag(handler, { errors: [contentTooLarge], changesOnly: true })
}
