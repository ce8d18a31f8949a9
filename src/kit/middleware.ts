// Adds the middleware of every route, in the order of a request, and the handlers of errors and unknown paths.
import type { Env, Hono } from 'hono'
import type { KitDeps } from './deps.ts'
import { clientIp } from './http/client-ip.ts'
import { normalizeErrors, onError } from './http/errors.ts'
import { injectDeps } from './http/inject-deps.ts'
import { largeResponses } from './http/large-responses.ts'
import { shedLoad } from './http/load-shedding.ts'
import { methodNotAllowed } from './http/method-not-allowed.ts'
import { type OpenToken, tokenSession } from './auth/token-session.ts'
import { cors, csrf } from './http/origins.ts'
import { withRequestContext } from './http/request-id.ts'
import { bodyLimit } from './http/body-limit.ts'
import { requestTimeout } from './http/request-timeout.ts'
import { requestLog } from './http/request-log.ts'
import { securityHeaders } from './http/security-headers.ts'
import { session } from './http/session.ts'
import { noteWrites } from './http/stale.ts'
import { pageLinks } from './pages/site-header.tsx'
import { health } from './system/health.ts'

/** Adds it all to an app. Nothing connects or runs before the first request. */
export function useKit<E extends Env>(
  app: Hono<E>,
  deps: KitDeps,
  { openToken }: { openToken?: OpenToken } = {},
): void {
  const { config } = deps
  app.onError(onError)
  app.notFound(methodNotAllowed(app))

  app.use(injectDeps(deps, { bodyOf: largeResponses(config.answersMaxBytes), pageLinks: pageLinks(app) }))
  app.use(withRequestContext(deps.tracer))
  app.use(clientIp(config.trustedProxies, config.trustedProxyHeader))
  app.use(requestLog(config))
  app.use(securityHeaders)
  app.use(cors(config, app))
  app.use(normalizeErrors) // errors of what follows get the headers of what stands before
  app.use(requestTimeout(config.requestTimeoutMs))
  app.route('/', health) // before the session: a probe needs no Redis to be told that Redis is away
  app.use(shedLoad())
  app.use(bodyLimit(config.bodyLimit, config.bodiesMaxBytes))
  app.use(openToken === undefined ? session : tokenSession(openToken))
  if (config.databaseReplicaUrl !== undefined) app.use(noteWrites)
  app.use(csrf(config))
}
