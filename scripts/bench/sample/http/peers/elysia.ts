// Elysia on Bun, with its own validation and its plugin for CORS.
import { cors } from '@elysiajs/cors'
import { Elysia, t } from 'elysia'
import { findUser } from '../../../../../src/account/queries.ts'
import { roles } from '../../../../../src/account/roles.ts'
import type { Identity } from '../../../../../src/kit/types/sessions.ts'
import { createMovie } from '../../../../../src/movies/queries.ts'
import { BODY_LIMIT, COOKIE, isForeign, openBackend, PORT, TIMEOUT_MS } from './backend.ts'

const backend = openBackend()
const starts = new WeakMap<Request, { at: number; id: string; user: string; ip: string }>()

const SECURE_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=15552000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
}

/** Elysia has no deadline of its own. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('timeout')), TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

new Elysia({ serve: { reusePort: true, maxRequestBodySize: BODY_LIMIT, hostname: '127.0.0.1' } })
  .onRequest(({ request, set, server }) => {
    const id = crypto.randomUUID()
    const ip = server?.requestIP(request)?.address ?? '' // gone when the response is
    starts.set(request, { at: performance.now(), id, user: 'anon', ip })
    Object.assign(set.headers, SECURE_HEADERS)
    set.headers['x-request-id'] = id
  })
  .onAfterResponse(({ request, set, path, query, body }) => {
    const start = starts.get(request)
    backend.logRequest({
      user: start?.user ?? 'anon',
      ip: start?.ip,
      method: request.method,
      path,
      status: Number(set.status ?? 200),
      ms: performance.now() - (start?.at ?? 0),
      requestId: start?.id ?? '',
      query,
      body,
    })
  })
  .onError(({ code, error, set }) => {
    if (code === 'VALIDATION') set.status = 400
    return { err: code === 'VALIDATION' ? 'Bad input' : error instanceof Error ? error.message : code }
  })
  .use(cors({ origin: '*' }))
  .get('/health', () => inTime(Promise.resolve({ status: 'ok' })))
  .derive(async ({ cookie, request }) => {
    if (isForeign(request.method, request.headers.get('origin'), request.headers.get('host'))) {
      throw new Error('foreign origin')
    }
    const session = await inTime(
      Promise.resolve(backend.openSession(cookie.session?.value as string | undefined)),
    )
    if (session?.role === 'disabled') throw new Error('account disabled')
    const start = starts.get(request)
    if (start && session) start.user = session.userId
    return { session: session ?? null }
  })
  .post(
    '/api/login',
    async ({ body, cookie, request, set }) => {
      const from = {
        ip: starts.get(request)?.ip ?? '',
        agent: request.headers.get('user-agent') ?? '',
      }
      const found = await inTime(backend.login(body.email, body.password, from))
      if (!found) {
        set.status = 400
        return { err: 'Invalid login credentials' }
      }
      cookie.session?.set({ value: found.token, ...COOKIE })
      return found.user
    },
    { body: t.Object({ email: t.String({ maxLength: 254 }), password: t.String({ maxLength: 200 }) }) },
  )
  .get('/api/me', async ({ session }) => ({
    me: await inTime(findUser(backend.db, requireRole(session, 'readonly').userId)),
  }))
  .get(
    '/api/movies/',
    async ({ query: { page = 1, limit = 1000, ...filter } }) =>
      Response.json(
        await inTime(backend.listMovies({ ...filter, limit, offset: Math.max(0, page - 1) * limit })),
      ),
    {
      query: t.Object({
        page: t.Optional(t.Numeric({ minimum: 0 })),
        limit: t.Optional(t.Numeric({ minimum: 1, maximum: 1000 })),
        search: t.Optional(t.String({ maxLength: 200 })),
        creator: t.Optional(t.String({ format: 'uuid' })),
      }),
    },
  )
  .post(
    '/api/movies/',
    async ({ session, body: { title, director = null }, set }) => {
      const { userId } = requireRole(session, 'editor')
      const create = async () => {
        if (!(await findUser(backend.db, userId))) throw new Error('gone')
        return await createMovie(backend.db, { title, director, creator: userId })
      }
      set.status = 201
      return await inTime(create())
    },
    {
      body: t.Object({
        title: t.String({ minLength: 1, maxLength: 500 }),
        director: t.Optional(t.Nullable(t.String({ maxLength: 500 }))),
      }),
    },
  )
  .listen(PORT)

function requireRole(session: Identity | null, least: Identity['role']): Identity {
  if (!session || !roles.atLeast(session.role, least)) throw new Error('Log in first')
  return session
}
