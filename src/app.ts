// The whole app, composed: the order of middleware, one line per slice. Portable: it runs wherever Hono does.
import { secureHeaders } from 'hono/secure-headers'
import { account } from './account/routes.ts'
import type { Deps } from './deps.ts'
import { devRoutes } from './dev/routes.tsx'
import { jobStatus } from './job-status/routes.ts'
import { movies } from './movies/routes.ts'
import { operators } from './operators/routes.tsx'
import { health } from './service/health.ts'
import { API_DOCS_PATH, apiDocs, apiDocsPolicy } from './service/api-docs.tsx'
import { pages } from './service/pages.tsx'
import { clientIp } from './web/client-ip.ts'
import { describeRoutes } from './web/doc.ts'
import { errorsOnly, onError } from './web/errors.ts'
import { factory } from './web/factory.ts'
import { largeAnswers } from './web/large-answers.ts'
import { bodyLimit, deadline } from './web/limits.ts'
import { shedLoad } from './web/load-shedding.ts'
import { methodNotAllowed } from './web/method-not-allowed.ts'
import { cors, csrf } from './web/origins.ts'
import { provide } from './web/provide.ts'
import { withRequestContext } from './web/request-context.ts'
import { requestLog } from './web/request-log.ts'
import { session } from './web/session.ts'

/** Builds the app on its dependencies. Nothing connects and nothing runs until a request comes. */
export function createApp(deps: Deps) {
  const { config } = deps
  const app = factory.createApp()
  app.onError(onError)
  app.notFound(methodNotAllowed(app))

  app.use(provide(deps, { bodyOf: largeAnswers(config.answersMaxBytes) }))
  app.use(withRequestContext)
  app.use(clientIp(config.trustedProxies, config.trustedProxyHeader))
  app.use(requestLog(config))
  app.use(API_DOCS_PATH, apiDocsPolicy) // outside of the next, so that it has the last word
  app.use(secureHeaders(SECURE_HEADERS))
  app.use(cors(config))
  app.use(errorsOnly) // the errors of what follows get the headers of what stands before
  app.use(deadline(config.requestTimeoutMs))
  app.route('/', health) // before the session: a probe needs no Redis to be told that Redis is away
  app.use(shedLoad(MOST_PER_ROUTE))
  app.use(bodyLimit(config.bodyLimit))
  app.use(session)
  app.use(csrf(config))

  if (!config.production) app.route('/apitest', devRoutes)
  const routed = app
    // One line per slice.
    .route('/', pages({ config, routes: () => describeRoutes(app) }))
    .route('/', apiDocs({ config, routes: () => describeRoutes(app), asset: deps.apiDocsAsset }))
    .route('/api', account)
    .route('/api/jobs', jobStatus())
    .route('/api/movies', movies)
  if (config.operatorsPage) app.route('/api/operators', operators)

  return routed
}

/** What the typed client is made of: `hc<AppType>(url)`. */
export type AppType = ReturnType<typeof createApp>

/** Under way in a process: fewer than a line before Postgres holds, where a refusal comes late and costs more. */
const MOST_PER_ROUTE = 2000

// Pages bring their own small style sheet in the document and load nothing else.
const SECURE_HEADERS = {
  strictTransportSecurity: 'max-age=31536000; includeSubDomains',
  crossOriginResourcePolicy: false, // by CORS: what it opens, a front-end may show as an image too
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
}
