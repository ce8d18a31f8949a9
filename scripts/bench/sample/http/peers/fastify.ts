// Fastify on Node, with its own plugins, its JSON schemas for input and answers, and its logger's library.
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fastify from 'fastify'
import { randomUUID } from 'node:crypto'
import { findUser } from '../../../../../src/account/queries.ts'
import { roles } from '../../../../../src/account/roles.ts'
import type { Identity } from '../../../../../src/kit/types/sessions.ts'
import { createMovie } from '../../../../../src/movies/queries.ts'
import { BODY_LIMIT, COOKIE, isForeign, openBackend, PORT, TIMEOUT_MS } from './backend.ts'
import { inProcesses } from './processes.ts'

const text = (maxLength: number, minLength = 0) => ({ type: 'string', minLength, maxLength }) as const
const time = { type: 'string', format: 'date-time' } as const
const maybe = { type: 'string', nullable: true } as const
const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required })

const Movie = object({
  id: { type: 'string' },
  title: { type: 'string' },
  director: maybe,
  creator: maybe,
  created: time,
  modified: time,
})
const User = object({
  id: { type: 'string' },
  email: { type: 'string' },
  verified: { type: 'boolean' },
  first_name: { type: 'string' },
  last_name: { type: 'string' },
  company: maybe,
  role: { type: 'string' },
  tags: { type: 'array', items: { type: 'string' } },
  created: time,
  modified: time,
  fullname: { type: 'string' },
})
const MovieQuery = object({
  page: { type: 'integer', minimum: 0, default: 1 },
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 1000 },
  search: text(200),
  creator: { type: 'string', format: 'uuid' },
})

declare module 'fastify' {
  interface FastifyRequest {
    session: Identity | null
  }
}

await inProcesses(async () => {
  const backend = openBackend()
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT,
    requestTimeout: TIMEOUT_MS,
    handlerTimeout: TIMEOUT_MS,
    routerOptions: { ignoreTrailingSlash: true },
  })
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
  })
  await app.register(cors, { origin: '*' })
  await app.register(cookie)
  app.decorateRequest('session', null)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    if (request.url === '/health') return
    const { origin, host } = request.headers
    if (isForeign(request.method, origin, host)) {
      throw Object.assign(new Error('foreign origin'), { statusCode: 403 })
    }
    const session = await backend.openSession(request.cookies.session)
    if (session?.role === 'disabled') throw Object.assign(new Error('account disabled'), { statusCode: 400 })
    request.session = session
  })
  app.addHook('onResponse', async (request, reply) => {
    backend.logRequest({
      user: request.session?.userId ?? 'anon',
      ip: request.ip,
      method: request.method,
      path: request.url,
      status: reply.statusCode,
      ms: reply.elapsedTime,
      requestId: request.id,
      query: request.query,
      body: request.body,
    })
  })

  app.get('/health', async () => ({ status: 'ok' }))
  app.post<{ Body: { email: string; password: string } }>(
    '/api/login',
    {
      schema: {
        body: object({ email: text(254, 1), password: text(200, 1) }, ['email', 'password']),
        response: { 200: User },
      },
    },
    async ({ body, ip, headers }, reply) => {
      const found = await backend.login(body.email, body.password, { ip, agent: headers['user-agent'] ?? '' })
      if (!found) return await reply.code(400).send({ err: 'Invalid login credentials' })
      reply.setCookie('session', found.token, COOKIE)
      return found.user
    },
  )
  app.get('/api/me', { schema: { response: { 200: object({ me: User }) } } }, async ({ session }) => ({
    me: await findUser(backend.db, requireRole(session, 'readonly').userId),
  }))
  app.get<{ Querystring: { page: number; limit: number; search?: string; creator?: string } }>(
    '/api/movies/',
    { schema: { querystring: MovieQuery, response: { 200: { type: 'array', items: Movie } } } },
    async ({ query: { page, limit, ...filter } }) =>
      await backend.listMovies({ ...filter, limit, offset: Math.max(0, page - 1) * limit }),
  )
  app.post<{ Body: { title: string; director?: string | null } }>(
    '/api/movies/',
    {
      schema: {
        body: object({ title: text(500, 1), director: { ...text(500), nullable: true } }, ['title']),
        response: { 201: Movie },
      },
    },
    async ({ session, body: { title, director = null } }, reply) => {
      const { userId } = requireRole(session, 'editor')
      if (!(await findUser(backend.db, userId))) throw Object.assign(new Error('gone'), { statusCode: 401 })
      reply.code(201)
      return await createMovie(backend.db, { title, director, creator: userId })
    },
  )
  await app.listen({ port: PORT, host: '127.0.0.1' })
})

function requireRole(session: Identity | null, least: Identity['role']): Identity {
  if (!session || !roles.atLeast(session.role, least))
    throw Object.assign(new Error('Log in first'), { statusCode: 401 })
  return session
}
