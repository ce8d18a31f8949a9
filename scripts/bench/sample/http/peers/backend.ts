// What every peer stands on, on Bun and on Node: this project's own queries and sessions, so that frameworks are compared.
import { type Algorithm, hash, verify } from '@node-rs/argon2'
import { drizzle } from 'drizzle-orm/postgres-js'
import { Redis } from 'ioredis'
import pino from 'pino'
import postgres from 'postgres'
import { z } from 'zod'
import { findUser, findUserWithHash } from '../../../../../src/account/queries.ts'
import { roles } from '../../../../../src/account/roles.ts'
import { type PageRequest, readList } from '../../../../../src/kit/data/list-page.ts'
import { createSessions } from '../../../../../src/kit/data/sessions/session-store.ts'
import type { Identity } from '../../../../../src/kit/types/sessions.ts'
import { movieList } from '../../../../../src/movies/queries.ts'

const DAY_S = 24 * 60 * 60
const ARGON2 = { algorithm: 2 as Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const PORT = Number(process.env.PORT)
export const BODY_LIMIT = 1024 ** 2
export const TIMEOUT_MS = 20_000
export const SESSION_SECONDS = 30 * DAY_S
const SESSIONS_PER_ACCOUNT = 50
export const COOKIE = {
  path: '/',
  httpOnly: true,
  secure: true,
  sameSite: 'lax',
  maxAge: SESSION_SECONDS,
} as const

export const MovieQuery = z.object({
  page: z.coerce.number().int().min(0).default(1),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
  search: z.string().max(200).optional(),
  creator: z.uuid().optional(),
})

export const NewMovie = z.object({
  title: z.string().min(1).max(500),
  director: z.string().max(500).nullish(),
})

/** True of a change that a foreign page asks for. */
export const isForeign = (
  method: string,
  origin: string | null | undefined,
  host: string | null | undefined,
) => typeof origin === 'string' && method !== 'GET' && new URL(origin).host !== host

export type Backend = ReturnType<typeof openBackend>

/** Connects to what the environment names. */
export function openBackend() {
  const { DATABASE_URL = '', REDIS_URL = '', LOG_FILE = '' } = process.env
  const db = drizzle({
    client: postgres(DATABASE_URL, { max: 4, connection: { statement_timeout: TIMEOUT_MS } }),
  })
  const redis = new Redis(REDIS_URL, { enableAutoPipelining: true })
  const sessions = createSessions(redis, {
    prefix: 'restbun:',
    roles,
    sessionSeconds: SESSION_SECONDS,
    maxSeconds: 6 * SESSION_SECONDS,
    maxSessions: SESSIONS_PER_ACCOUNT,
  })
  const log = pino(
    {
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['body.password'], censor: '***' },
    },
    pino.destination({ dest: LOG_FILE, sync: false, minLength: 8192 }),
  )
  const missing = hash('nobody has this one', ARGON2)

  return {
    db,
    log,
    /** A page of the list that this project's route reads, in the list's own order. */
    async listMovies({ creator, ...request }: PageRequest & { creator?: string | undefined }) {
      return (await readList(movieList, { db }, { ...request, given: { creator } })).rows
    },
    openSession: (token: string | undefined) => (token ? sessions.open(token) : null),

    /** The account and a new session's token, or undefined if email or password is wrong. */
    async login(email: string, password: string, from: Pick<Identity, 'ip' | 'agent'>) {
      const found = await findUserWithHash(db, email)
      const isRight = await verify(found?.hash ?? (await missing), password)
      if (!found || !isRight || found.user.role === 'disabled') return undefined
      const { id: userId, role } = found.user
      const now = Date.now()
      const token = await sessions.create({
        userId,
        role,
        ...from,
        loginAt: now,
        sentAt: now,
        remember: true,
      })
      await findUser(db, userId) // the role may have changed meanwhile
      return { user: found.user, token }
    },

    /** One line per request, as this project writes it: the input too, without its password. */
    logRequest(line: {
      user: string
      ip: string | undefined
      method: string
      path: string
      status: number
      ms: number
      requestId: string
      query: unknown
      body: unknown
    }) {
      log.info(line, line.ms > 1000 ? 'SLOW!' : 'request')
    },
  }
}
