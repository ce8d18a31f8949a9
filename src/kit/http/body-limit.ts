// The size that a request's body may have, announced or not.
import { bodyLimit as honoBodyLimit } from 'hono/body-limit'
import { ApiError } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** 413 for a body of more than `maxBytes`, announced or not. */
export function bodyLimit(maxBytes: number) {
  const limit = honoBodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new ApiError(413, `The body is larger than ${maxBytes} bytes`)
    },
  })
  const handler = middleware((c, next) =>
    c.req.method === 'GET' || c.req.method === 'HEAD' ? next() : limit(c, next),
  )
  return tag(handler, { others: [413], changesOnly: true })
}
