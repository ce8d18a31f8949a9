// The time that a request may take: past it the client is answered, and what runs is told to stop.
import { requestContext } from '../log/request-context.ts'
import { ApiError } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** Past the deadline the client gets 503, and `c.var.signal()` fires; the handler's late answer is dropped. */
export function requestTimeout(timeoutMs: number) {
  const handler = middleware(async (c, next) => {
    // Made when asked for: few requests do, and to listen to the client's own costs more than all else here.
    let passed: AbortController | undefined
    let isLate = false
    c.set('signal', () => {
      if (isLate) return AbortSignal.abort()
      passed ??= new AbortController()
      return AbortSignal.any([passed.signal, c.req.raw.signal])
    })
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        isLate = true
        const context = requestContext.getStore()
        if (context) context.isLate = true
        passed?.abort()
        reject(new ApiError(503, `The request took longer than ${timeoutMs} ms and was given up`))
      }, timeoutMs)
    })
    try {
      await Promise.race([next(), late])
    } finally {
      clearTimeout(timer)
    }
  })
  return tag(handler, { others: [503] })
}
