// Limits the size of a request's body.
import { bodyLimit as honoBodyLimit } from 'hono/body-limit'
import { ApiError } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'
import { isSafeMethod } from './safe-methods.ts'

/** Responds with 413 to a body of more than `maxBytes`, with or without a Content-Length. */
export function bodyLimit(maxBytes: number) {
  const limit = honoBodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new ApiError(413, `The body is larger than ${maxBytes} bytes`)
    },
  })
  const handler = middleware((c, next) => (isSafeMethod(c.req.method) ? next() : limit(c, next)))
  return tag(handler, { otherStatuses: [413], changesOnly: true })
}
