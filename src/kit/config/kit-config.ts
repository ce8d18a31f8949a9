// What may be wrong between the kit's settings, and what they come to: the config.
import { availableParallelism } from 'node:os'
import type { kitSettings } from './kit-settings.ts'
import type { Values } from './setting.ts'

const DAY_S = 24 * 60 * 60

type Parsed = Values<ReturnType<typeof kitSettings>>

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
    devTruncate: e.DEV_TRUNCATE,
  }
}

/** Four to eight, so that all processes fit into 90 connections: Postgres allows 100 by default. */
const poolFor = (processes: number) => Math.min(8, Math.max(4, Math.floor(90 / (processes + 1)) - 4))

export type KitConfig = Readonly<ReturnType<typeof kitConfig>>
