// Gives each request an id, the client's own or a new one, and its trace; both are known throughout the request.
import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api'
import { routePath } from 'hono/route'
import { requestContext } from '../log/request-context.ts'
import { readTrace, traceOf, withSpan } from '../log/trace.ts'
import { middleware } from './factory.ts'
import { MAX_PATH } from './request-log.ts'

const WELL_FORMED = /^[\w=-]{1,255}$/

/**
 * Sets `c.var.requestId` and X-Request-Id, and runs the rest of the request in its context, so that every log line
 * carries the id, and that of the trace that a `traceparent` names. Sets the header after the handler: a header set before it
 * would make Hono copy them all.
 * @param tracer of an SDK, if one is registered: then the request is a span
 */
export const withRequestContext = (tracer: Tracer | undefined) =>
  middleware(async (c, next) => {
    const { headers } = c.req.raw
    const given = headers.get('x-request-id') ?? ''
    const requestId = WELL_FORMED.test(given) ? given : crypto.randomUUID()
    c.set('requestId', requestId)
    const parent = headers.get('traceparent')
    const trace = parent === null ? undefined : readTrace(parent, headers.get('tracestate'))
    const context = { requestId, trace, request: c.req.raw, isLate: false }
    if (tracer === undefined) await requestContext.run(context, next)
    else {
      const method = c.env?.method ?? c.req.method
      const attributes = { 'http.request.method': method, 'url.path': c.req.path.slice(0, MAX_PATH) }
      await withSpan(tracer, method, { kind: SpanKind.SERVER, parent: trace, attributes }, async (span) => {
        await requestContext.run({ ...context, trace: traceOf(span) ?? trace }, next)
        const { status } = c.res
        const route = routePath(c)
        span.updateName(`${method} ${route}`)
        span.setAttributes({ 'http.route': route, 'http.response.status_code': status })
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
      })
    }
    c.res.headers.set('X-Request-Id', requestId)
  })
