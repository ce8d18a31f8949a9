// What may be wrong between the kit's settings, and what they come to: the config.
import { availableParallelism } from 'node:os'
import type { z } from 'zod'
import type { kitSettings } from './kit-settings.ts'

const DAY_S = 24 * 60 * 60

type Declared = ReturnType<typeof kitSettings>
/** The values of the kit's settings, by key. */
export type Parsed = { [Key in keyof Declared]: z.output<Declared[Key]['kind']> }

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
  if (production && !set.APP_URL) {
    conflicts.push('APP_URL is not set: production needs it for the links in mails (https://api.example.com)')
  }
  if (production && parsed?.['log.sql'] === 'explain') {
    conflicts.push(
      'LOG_SQL=explain is for development: it plans each statement a second time. Say on, or off',
    )
  }
  const secure = parsed?.['cookie.secure'] ?? production
  if (parsed?.['cookie.sameSite'] === 'none' && !secure) {
    conflicts.push('COOKIE_SAMESITE=none needs COOKIE_SECURE=on: browsers drop the cookie otherwise')
  }
  if (!parsed?.['tls.certFile'] !== !parsed?.['tls.keyFile']) {
    conflicts.push('TLS_CERT_FILE and TLS_KEY_FILE go together: one of them is not set')
  }
  const { 'jobs.queues': queues = [], 'jobs.concurrency': slots = Infinity } = parsed ?? {}
  if (queues.reduce((sum, { reserved = 0 }) => sum + reserved, 0) > slots) {
    conflicts.push('WORKER_QUEUES reserves more slots than JOB_CONCURRENCY has')
  }
  return conflicts
}

/** Builds the config, without what a product adds: each setting by its key, and what depends on others. */
export function kitConfig(
  project: { name: string; version: string; fromFiles: readonly string[] },
  parsed: Parsed,
) {
  const given = nest(parsed)
  const { cookie, databaseUrl = '', log, processes, rateLimit, tls } = given
  const production = given.mode === 'production'
  const web = processes.web ?? (production ? availableParallelism() : 1)
  return {
    ...project,
    ...given,
    production,
    host: given.host ?? (production ? '0.0.0.0' : 'localhost'),
    appUrl: given.appUrl ?? `http://localhost:${given.port}`,
    databaseUrl,
    migrateDatabaseUrl: given.migrateDatabaseUrl ?? databaseUrl,
    databasePool: given.databasePool ?? poolFor(web + processes.workers),
    redisUrl: given.redisUrl ?? '',
    cookie: Object.freeze({ ...cookie, secure: cookie.secure ?? production }),
    sessionSeconds: given.sessionSeconds * DAY_S,
    passwordRule: given.passwordRule ?? (production ? 'strong' : 'seed'),
    sessionMaxSeconds: given.sessionMaxSeconds * DAY_S,
    tls: tls.certFile && tls.keyFile ? { certFile: tls.certFile, keyFile: tls.keyFile } : undefined,
    processes: Object.freeze({ ...processes, web, maxRssMb: processes.maxRssMb ?? (production ? 512 : 0) }),
    log: Object.freeze({ ...log, format: log.format ?? (production ? 'json' : 'pretty') }),
    rateLimit: Object.freeze({ ...rateLimit, on: rateLimit.on ?? production }),
  }
}

type GroupOf<Key> = Key extends `${infer Group}.${string}` ? Group : never

type Nested<Flat> = {
  [Key in keyof Flat as Key extends `${string}.${string}` ? never : Key]: Flat[Key]
} & {
  [Group in GroupOf<keyof Flat>]: {
    readonly [Key in keyof Flat as Key extends `${Group}.${infer Name}` ? Name : never]: Flat[Key]
  }
}

/** Puts what goes by the key `cookie.domain` into `cookie`, as `domain`. */
function nest<Flat extends object>(flat: Flat): Nested<Flat> {
  const nested: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(flat)) {
    const [group = '', name] = key.split('.')
    nested[group] = name === undefined ? value : Object.freeze({ ...Object(nested[group]), [name]: value })
  }
  return nested as Nested<Flat>
}

/** Four to eight, so that all processes fit into 90 connections: Postgres allows 100 by default. */
const poolFor = (processes: number) => Math.min(8, Math.max(4, Math.floor(90 / (processes + 1)) - 4))

export type KitConfig = Readonly<ReturnType<typeof kitConfig>>
