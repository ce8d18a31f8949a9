// Measures what tracing costs a request while no SDK is registered: the reading of its header, and the middleware as it was.
import { Hono } from 'hono'
import type { AppEnv } from '../../src/kit/http/env.ts'
import { middleware } from '../../src/kit/http/factory.ts'
import { withRequestContext } from '../../src/kit/http/request-id.ts'
import { requestContext } from '../../src/kit/log/request-context.ts'

const ROUNDS = 9
const REQUESTS = 50_000

/** As `withRequestContext`, without a trace. */
const untraced = middleware(async (c, next) => {
  const given = c.req.raw.headers.get('x-request-id') ?? ''
  const requestId = /^[\w=-]{1,255}$/.test(given) ? given : crypto.randomUUID()
  c.set('requestId', requestId)
  await requestContext.run({ requestId, request: c.req.raw, isLate: false }, next)
  c.res.headers.set('X-Request-Id', requestId)
})
const apps = [untraced, withRequestContext(undefined)].map((first) =>
  new Hono<AppEnv>().use(first).get('/', (c) => c.text('x')),
)
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

for (const headers of [{}, { traceparent }]) {
  const best = apps.map(() => Infinity)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, app] of apps.entries()) {
      const request = new Request('http://x/', { headers: { 'user-agent': 'bench', ...headers } })
      const since = performance.now()
      for (let n = 0; n < REQUESTS; n++) await app.fetch(request, {})
      best[i] = Math.min(best[i] ?? Infinity, ((performance.now() - since) * 1000) / REQUESTS)
    }
  }
  const [before = 0, after = 0] = best
  const of = 'traceparent' in headers ? 'with a traceparent' : 'without'
  process.stdout.write(
    `${of}: ${before.toFixed(2)} us a request, traced ${after.toFixed(2)}: ${(after - before).toFixed(2)} us more, ratio ${(after / before).toFixed(2)}\n`,
  )
}
