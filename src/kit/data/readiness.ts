// Checks readiness: whether a request would be served now, and if not, why.
import type { Redis } from 'ioredis'
import type postgres from 'postgres'
import { unavailable } from '../types/api-error.ts'
import type { Log } from '../types/log.ts'
import { findPending, type Migration } from './postgres/migrations.ts'
import { findMissingRights, type MissingRights } from './postgres/rights.ts'
import { driverCode, isTransient } from './transient.ts'
import { withTimeout } from './with-timeout.ts'

/** The time that each service has to reply. */
const TIMEOUT_MS = 2000
const KEY_SECONDS = 60
/** How many tables without rights the message names. */
const MAX_NAMED = 5

interface Services {
  /** A connection of its own: behind other statements the check would only measure how busy they are. */
  connection: { readonly sql: postgres.Sql; find?(): Promise<void>; renew(closeS: number): void }
  redis: Redis
  /** Of the key that is written. */
  prefix: string
  /** The migrations that the code ships, oldest first. */
  migrations: readonly Migration[]
  /** The role that migrates, if known. */
  migrator: string | undefined
  log: Log
}

/**
 * Returns the check: it resolves if Postgres and Redis take writes and the schema is what the code expects, and rejects
 * with a 503 that gives the reason. Concurrent calls share one check. Each change is logged.
 */
export function createReadiness(services: Services): () => Promise<void> {
  const { connection, redis, prefix, log } = services
  let asked: Promise<void> | undefined
  let last = ''

  async function ask(): Promise<void> {
    const reasons = await Promise.all([
      withTimeout(TIMEOUT_MS, 'Postgres', askPostgres(connection, services)).catch((error: unknown) => {
        connection.renew(0) // its reply may never come
        return explain('Postgres')(error)
      }),
      withTimeout(TIMEOUT_MS, 'Redis', redis.set(`${prefix}ready`, 1, 'EX', KEY_SECONDS)).then(
        () => undefined,
        explain('Redis'),
      ),
    ])
    const reason = reasons.filter((one) => one !== undefined).join('; ')
    if (reason !== last)
      log[reason === '' ? 'info' : 'warn'](reason === '' ? 'ready again' : `not ready: ${reason}`)
    last = reason
    if (reason !== '') throw unavailable(`Not ready: ${reason}`)
  }
  return () => (asked ??= ask().finally(() => (asked = undefined)))
}

/** Describes a failure by its code only: a driver's message may hold more than everybody may see. */
const explain = (service: string) => (error: unknown) => {
  const code = driverCode(error) ?? 'unknown error'
  if (code === 'NO_PRIMARY') return 'no host of Postgres takes writes'
  const isReply = /^(?!E)[A-Z]+$/.test(code) // OOM, READONLY; not ECONNREFUSED, 57P03
  if (isReply) return `${service} takes no writes (${code})`
  const detail = code === 'REDIS_AWAY' ? '' : ` (${code})`
  return `${service} ${isTransient(error) ? 'does not answer' : 'cannot be used'}${detail}`
}

/** Reads the catalog only, so that no lock on a table holds it up. @returns the reason why not, if any */
async function askPostgres(
  connection: Services['connection'],
  { migrations, migrator }: Pick<Services, 'migrations' | 'migrator'>,
): Promise<string | undefined> {
  await connection.find?.()
  const { sql } = connection
  const [facts] = await sql<{ read_only: boolean; standby: boolean }[]>`
    select current_setting('transaction_read_only') = 'on' as read_only, pg_is_in_recovery() as standby`
  if (facts === undefined) return 'Postgres returned nothing'
  if (facts.read_only) connection.renew(0) // its address may lead elsewhere by now
  if (facts.read_only) return `Postgres is read-only${facts.standby ? ', a standby' : ''}`
  const missing = await findMissingRights(sql, { migrator })
  // If another role migrates, this one may not see the journal, which is fine.
  const [hidden, others] = [missing.filter(isJournal), missing.filter((rights) => !isJournal(rights))]
  if (hidden.length === 0) {
    const [first, ...more] = await findPending(sql, migrations)
    const also = more.length > 0 ? ` and ${more.length} more` : ''
    if (first) return `the migration ${first.tag}${also} is not applied (npm run migrate)`
  }
  const forbidden = others.filter(({ rights }) => rights.some((right) => NEEDED.has(right)))
  if (forbidden.length === 0) return undefined
  const named = forbidden.slice(0, MAX_NAMED).map(({ object }) => object)
  return `no rights on ${named.join(', ')} (GRANT: npm run doctor prints the lines)`
}

const isJournal = ({ object }: MissingRights) => /^drizzle\b/.test(object)
/** UPDATE and DELETE may be withheld on purpose. */
const NEEDED = new Set(['SELECT', 'INSERT', 'USAGE'])
