// Plain Hono with its stock middleware, for Bun and for Node.
import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie, setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { timeout } from 'hono/timeout'
import { findUser } from '../../../../../src/account/queries.ts'
import { roles } from '../../../../../src/account/roles.ts'
import { Login } from '../../../../../src/account/schema.ts'
import type { Identity } from '../../../../../src/kit/types/sessions.ts'
import { createMovie } from '../../../../../src/movies/queries.ts'
import { BODY_LIMIT, COOKIE, MovieQuery, NewMovie, openBackend, TIMEOUT_MS } from './backend.ts'

type Env = { Variables: { requestId: string; session: Identity | null }; Bindings: { ip?: string } }

const backend = openBackend()

export const app = new Hono<Env>()
  .onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ err: error.message }, error.status)
    backend.log.error(error)
    return c.json({ err: 'Internal error' }, 500)
  })
  .use(requestId())
  .use(async (c, next) => {
    const started = performance.now()
    await next()
    backend.logRequest({
      user: c.get('session')?.userId ?? 'anon',
      ip: c.env.ip,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: performance.now() - started,
      requestId: c.get('requestId'),
      query: c.req.query(),
      body: c.req.valid('json' as never),
    })
  })
  .use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }))
  .use(cors({ origin: '*' }))
  .use(timeout(TIMEOUT_MS))
  .get('/health', (c) => c.json({ status: 'ok' }))
  .use(bodyLimit({ maxSize: BODY_LIMIT }))
  .use(async (c, next) => {
    const identity = await backend.openSession(getCookie(c, 'session'))
    if (identity?.role === 'disabled') throw new HTTPException(400, { message: 'account disabled' })
    c.set('session', identity)
    await next()
  })
  .use(csrf())

  .post('/api/login', zValidator('json', Login), async (c) => {
    const { email, password } = c.req.valid('json')
    const found = await backend.login(email, password, {
      ip: c.env.ip ?? '',
      agent: c.req.header('user-agent') ?? '',
    })
    if (!found) throw new HTTPException(400, { message: 'Invalid login credentials' })
    setCookie(c, 'session', found.token, COOKIE)
    return c.json(found.user)
  })
  .get('/api/me', async (c) =>
    c.json({ me: await findUser(backend.db, requireRole(c.get('session'), 'readonly').userId) }),
  )
  .get('/api/movies/', zValidator('query', MovieQuery), async (c) => {
    const { page, limit, ...filter } = c.req.valid('query')
    return c.json(await backend.listMovies({ ...filter, limit, offset: Math.max(0, page - 1) * limit }))
  })
  .post('/api/movies/', zValidator('json', NewMovie), async (c) => {
    const { userId } = requireRole(c.get('session'), 'editor')
    if (!(await findUser(backend.db, userId))) throw new HTTPException(401)
    const { title, director = null } = c.req.valid('json')
    return c.json(await createMovie(backend.db, { title, director, creator: userId }), 201)
  })

function requireRole(session: Identity | null, least: Identity['role']): Identity {
  if (!session || !roles.atLeast(session.role, least)) throw new HTTPException(401)
  return session
}
