// Declares the kit's settings: every environment variable that it reads, their conflicts, and the config they become.
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { MAX_CONCURRENCY, QUEUE_DEFAULTS } from '../types/queue-defaults.ts'
import { databaseUrl, redisUrl, url } from './urls.ts'
import { bytes, choice, flag, integer, isHeaderName, isNetwork, isOrigin, list } from './values.ts'

const SECONDS = 1000
const DAY_S = 24 * 60 * 60

/**
 * One line per variable. A variable that is unset or empty takes its default;
 * defaults that depend on the mode are in `kitConfig`.
 */
export const kitVariables = (project: string) => ({
  NODE_ENV: choice('development', 'production').default('development'),
  HOST: z.string().optional(),
  PORT: integer(0, 65535).default(8100),
  DATABASE_URL: databaseUrl().optional(),
  MIGRATE_DATABASE_URL: databaseUrl().optional(),
  DATABASE_POOL: integer(1, 1000).optional(),
  REDIS_URL: redisUrl().optional(),
  REDIS_PREFIX: z.string().max(100).default(`${project}:`),
  DATA_DIR: z.string().default('.data'),
  COOKIE_SECURE: flag().optional(),
  COOKIE_DOMAIN: z
    .string()
    .regex(/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'must be a domain name: example.com')
    .optional(),
  COOKIE_SAMESITE: choice('lax', 'strict', 'none').default('lax'),
  SESSION_DAYS: integer(1, 400).default(30),
  SESSIONS_PER_ACCOUNT: integer(1, 10_000).default(50),
  CORS_ORIGINS: list(isOrigin, 'origins (https://app.example.com), or *').default(['*']),
  CORS_HEADERS: list(isHeaderName, 'names of headers (X-Api-Version)').default([]),
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  TRUSTED_PROXIES: list(isNetwork, 'IP addresses or CIDR ranges (10.0.0.0/8)').default([]),
  TRUSTED_PROXY_HEADER: z
    .string()
    .refine(isHeaderName, 'must be the name of a header: X-Forwarded-For, Forwarded, X-Real-IP')
    .default('X-Forwarded-For'),
  BODY_LIMIT: bytes().default(1024 ** 2),
  ANSWERS_MAX_BYTES: bytes().default(64 * 1024 ** 2),
  REQUEST_TIMEOUT_MS: integer(1, 250_000).default(20 * SECONDS),
  LOCK_TIMEOUT_MS: integer(1, 250_000).default(2 * SECONDS),
  SEARCH_TIMEOUT_MS: integer(1, 250_000).default(1500),
  IDLE_TIMEOUT_S: integer(1, 255).default(75),
  SLOW_REQUEST_MS: integer(0, 250_000).default(1 * SECONDS),
  WEB_PROCESSES: integer(0, 1000).optional(),
  WORKER_PROCESSES: integer(0, 1000).default(1),
  HARAKIRI_MS: integer(1000, 3_600_000).default(5 * SECONDS),
  MAX_REQUESTS: integer(0, 2 ** 31 - 1).default(0),
  MAX_LIFETIME_S: integer(0, 2 ** 31 - 1).default(0),
  MAX_RSS_MB: integer(0, 2 ** 20).optional(),
  BOOT_TIMEOUT_MS: integer(100, 600_000).default(30 * SECONDS),
  DRAIN_MS: integer(0, 600_000).default(25 * SECONDS),
  METRICS_PORT: integer(1, 65535).optional(),
  LOG_LEVEL: choice('debug', 'info', 'warn', 'error', 'silent').default('info'),
  LOG_FORMAT: choice('pretty', 'json').optional(),
  LOG_FILE: z.string().optional(),
  LOG_SYSLOG: url('udp:').optional(),
  LOG_SQL: flag().default(false),
  LOG_REDACT: list(() => true, 'names').default([]),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  MAIL_FROM: z.string().max(200).default(`${project} <noreply@localhost>`),
  JOB_CONCURRENCY: integer(1, MAX_CONCURRENCY).default(QUEUE_DEFAULTS.concurrency),
  JOB_DRAIN_MS: integer(0, 600_000).default(QUEUE_DEFAULTS.drainMs),
  JOB_BLOCK_MS: integer(1000, QUEUE_DEFAULTS.leaseMs - SECONDS).default(QUEUE_DEFAULTS.blockMs),
  JOB_MAX_BYTES: bytes().default(64 * 1024),
  JOB_KEEP_DEAD: integer(1, 10_000_000).default(QUEUE_DEFAULTS.keepDead),
  MAX_JOBS: integer(0, 2 ** 31 - 1).default(0),
  RATE_LIMIT: flag().optional(),
  RATE_LIMIT_SECONDS: integer(1, DAY_S).default(15 * 60),
  RATE_LIMIT_ACCOUNT: integer(1, 1_000_000).default(10),
  RATE_LIMIT_ADDRESS: integer(1, 1_000_000).default(100),
  API_LIST: flag().default(true),
  OPERATORS_PAGE: flag().default(true),
  API_DOCS: flag().optional(),
  DEV_TRUNCATE: flag().default(false),
})

type Parsed = z.output<z.ZodObject<ReturnType<typeof kitVariables>>>

/**
 * Finds settings that are missing or contradict each other, though each may be valid by itself.
 * @param set as the environment has them
 * @param parsed undefined if one of them is invalid by itself
 */
export function findConflicts(set: Record<string, string | undefined>, parsed: Parsed | undefined): string[] {
  const conflicts: string[] = []
  const production = set.NODE_ENV === 'production'
  for (const name of ['DATABASE_URL', 'REDIS_URL'] as const) {
    if (set[name]) continue
    conflicts.push(
      `${name} is not set: ` +
        (production
          ? 'production needs it'
          : '`npm start` and `npm run dev` start an embedded service and set it'),
    )
  }
  const secure = parsed?.COOKIE_SECURE ?? production
  if (parsed?.COOKIE_SAMESITE === 'none' && !secure) {
    conflicts.push('COOKIE_SAMESITE=none needs COOKIE_SECURE=on: browsers drop the cookie otherwise')
  }
  if (!parsed?.TLS_CERT_FILE !== !parsed?.TLS_KEY_FILE) {
    conflicts.push('TLS_CERT_FILE and TLS_KEY_FILE go together: one of them is not set')
  }
  return conflicts
}

/** Builds the config, without what a product adds. */
export function kitConfig(project: { name: string; version: string }, e: Parsed) {
  const production = e.NODE_ENV === 'production'
  const web = e.WEB_PROCESSES ?? (production ? availableParallelism() : 1)
  return {
    name: project.name,
    version: project.version,
    mode: e.NODE_ENV,
    production,
    host: e.HOST ?? (production ? '0.0.0.0' : 'localhost'),
    port: e.PORT,
    databaseUrl: e.DATABASE_URL ?? '',
    migrateDatabaseUrl: e.MIGRATE_DATABASE_URL ?? e.DATABASE_URL ?? '',
    databasePool: e.DATABASE_POOL ?? poolFor(web + e.WORKER_PROCESSES),
    redisUrl: e.REDIS_URL ?? '',
    redisPrefix: e.REDIS_PREFIX,
    dataDir: e.DATA_DIR,
    cookie: Object.freeze({
      secure: e.COOKIE_SECURE ?? production,
      domain: e.COOKIE_DOMAIN,
      sameSite: e.COOKIE_SAMESITE,
    }),
    sessionSeconds: e.SESSION_DAYS * DAY_S,
    sessionsPerAccount: e.SESSIONS_PER_ACCOUNT,
    corsOrigins: e.CORS_ORIGINS,
    corsHeaders: e.CORS_HEADERS,
    tls:
      e.TLS_CERT_FILE && e.TLS_KEY_FILE ? { certFile: e.TLS_CERT_FILE, keyFile: e.TLS_KEY_FILE } : undefined,
    trustedProxies: e.TRUSTED_PROXIES,
    trustedProxyHeader: e.TRUSTED_PROXY_HEADER,
    bodyLimit: e.BODY_LIMIT,
    answersMaxBytes: e.ANSWERS_MAX_BYTES,
    requestTimeoutMs: e.REQUEST_TIMEOUT_MS,
    lockTimeoutMs: e.LOCK_TIMEOUT_MS,
    searchTimeoutMs: e.SEARCH_TIMEOUT_MS,
    idleTimeoutS: e.IDLE_TIMEOUT_S,
    slowRequestMs: e.SLOW_REQUEST_MS,
    processes: Object.freeze({
      web,
      workers: e.WORKER_PROCESSES,
      harakiriMs: e.HARAKIRI_MS,
      maxRequests: e.MAX_REQUESTS,
      maxLifetimeS: e.MAX_LIFETIME_S,
      maxRssMb: e.MAX_RSS_MB ?? (production ? 512 : 0),
      bootTimeoutMs: e.BOOT_TIMEOUT_MS,
      drainMs: e.DRAIN_MS,
    }),
    metricsPort: e.METRICS_PORT,
    log: Object.freeze({
      level: e.LOG_LEVEL,
      format: e.LOG_FORMAT ?? (production ? 'json' : 'pretty'),
      file: e.LOG_FILE,
      syslog: e.LOG_SYSLOG,
      sql: e.LOG_SQL,
      redact: e.LOG_REDACT,
    }),
    mail: Object.freeze({ smtpUrl: e.SMTP_URL, from: e.MAIL_FROM }),
    jobs: Object.freeze({
      concurrency: e.JOB_CONCURRENCY,
      drainMs: e.JOB_DRAIN_MS,
      blockMs: e.JOB_BLOCK_MS,
      maxBytes: e.JOB_MAX_BYTES,
      keepDead: e.JOB_KEEP_DEAD,
      maxJobs: e.MAX_JOBS,
    }),
    rateLimit: Object.freeze({
      on: e.RATE_LIMIT ?? production,
      seconds: e.RATE_LIMIT_SECONDS,
      account: e.RATE_LIMIT_ACCOUNT,
      address: e.RATE_LIMIT_ADDRESS,
    }),
    apiList: e.API_LIST,
    operatorsPage: e.OPERATORS_PAGE,
    apiDocs: e.API_DOCS ?? !production,
    devTruncate: e.DEV_TRUNCATE,
  }
}

/** Four to eight, so that all processes fit into 90 connections: Postgres allows 100 by default. */
const poolFor = (processes: number) => Math.min(8, Math.max(4, Math.floor(90 / (processes + 1)) - 4))

export type KitConfig = Readonly<ReturnType<typeof kitConfig>>
