// Limits the time that a request may take: after it the client gets an error and the work is told to stop.
import { requestContext } from '../log/request-context.ts'
import { defineError } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'
import { streamedBodyOf } from './streamed-body.ts'

const timeout = defineError(
  503,
  'timeout',
  'It took too long and was given up: whether it was done is not known',
)

/** After the deadline the client gets 503 and `c.var.signal()` fires; a late response of the handler is dropped. */
export function requestTimeout(timeoutMs: number) {
  const handler = middleware(async (c, next) => {
    // Created on demand: few requests need it, and listening to the client's signal costs more than the rest.
    let passed: AbortController | undefined
    let isLate = false
    c.set('signal', () => {
      if (isLate) return AbortSignal.abort()
      passed ??= new AbortController()
      return AbortSignal.any([passed.signal, c.req.raw.signal])
    })
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const giveUp = (afterMs: number) => {
          isLate = true
          const context = requestContext.getStore()
          if (context) context.isLate = true
          passed?.abort()
          reject(timeout({ message: `The request took longer than ${afterMs} ms and was given up` }))
        }
        timer = setTimeout(() => {
          const ownMs = streamedBodyOf(c)?.timeoutMs ?? 0 // asked for only here: few requests last so long
          if (ownMs > timeoutMs) timer = setTimeout(giveUp, ownMs - timeoutMs, ownMs)
          else giveUp(timeoutMs)
        }, timeoutMs)
        next().then(resolve, reject)
      })
    } finally {
      clearTimeout(timer)
    }
  })
  return tag(handler, { errors: [timeout] })
}
