// Readiness: whether a request would be served now, and what is in the way if not.
import { getTableName } from 'drizzle-orm'
import type { Redis } from 'ioredis'
import type postgres from 'postgres'
import { entries as journal } from '../../drizzle/meta/_journal.json'
import { users } from '../account/table.ts'
import type { Log } from '../deps.ts'
import { driverCode, isTransient } from '../transient.ts'
import { unavailable } from '../web/errors.ts'
import { within } from './within.ts'

/** Time that each service has to answer. */
const TIMEOUT_MS = 2000
const KEY_SECONDS = 60
/** Of tables without rights, for the message. */
const NAMED = 5

interface Services {
  /** Best a connection of its own: behind busy ones a question says nothing but that they are busy. */
  sql: postgres.Sql
  redis: Redis
  /** Begins the key that is written. */
  prefix: string
  log: Log
}

/**
 * Returns the question: it resolves if Postgres and Redis take writes and the schema is what the code expects, and
 * rejects with a 503 that says why not. Asked by many at once, it is asked once. Each change is logged.
 */
export function createReadiness({ sql, redis, prefix, log }: Services): () => Promise<void> {
  let asked: Promise<void> | undefined
  let last = ''

  async function ask(): Promise<void> {
    const reasons = await Promise.all([
      within(TIMEOUT_MS, 'Postgres', askPostgres(sql)).catch(explain('Postgres')),
      within(TIMEOUT_MS, 'Redis', redis.set(`${prefix}ready`, 1, 'EX', KEY_SECONDS)).then(
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

/** A refusal by its code: messages of drivers may hold more than is for everybody's eyes. */
const explain = (service: string) => (error: unknown) => {
  const code = driverCode(error) ?? 'unknown error'
  const isReply = /^(?!E)[A-Z]+$/.test(code) // OOM, READONLY; not ECONNREFUSED, 57P03
  if (isReply) return `${service} takes no writes (${code})`
  const detail = code === 'REDIS_AWAY' ? '' : ` (${code})`
  return `${service} ${isTransient(error) ? 'does not answer' : 'cannot be used'}${detail}`
}

interface Facts {
  read_only: boolean
  standby: boolean
  /** Null: there is no such table. */
  reads_journal: boolean | null
  reads_users: boolean
  /** Tables and sequences of the app that its role may not use. */
  forbidden: string[]
}

/** Reads the catalogue, so that no lock on a table holds it up. @returns what is in the way */
async function askPostgres(sql: postgres.Sql): Promise<string | undefined> {
  const known = getTableName(users)
  const [facts] = await sql<Facts[]>`
    select current_setting('transaction_read_only') = 'on' as read_only, pg_is_in_recovery() as standby,
      (select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'drizzle' and c.relname = '__drizzle_migrations') as reads_journal,
      to_regclass(${known}) is not null as reads_users,
      array(
        select other.relname::text from pg_class other join pg_class mine
          on mine.relnamespace = other.relnamespace and mine.relowner = other.relowner
        where mine.oid = to_regclass(${known}) and case
          when other.relkind in ('r', 'p') then not has_table_privilege(other.oid,
            case when other.oid = mine.oid then 'insert' else 'select, insert' end)
          when other.relkind = 'S' then not has_sequence_privilege(other.oid, 'usage') and exists (
            select from pg_depend where classid = 'pg_class'::regclass and objid = other.oid and deptype = 'a')
          else false end
        order by 1 limit ${NAMED}) as forbidden`
  if (facts === undefined) return 'Postgres answers nothing'
  if (facts.read_only) return `Postgres is read-only${facts.standby ? ', a standby' : ''}`
  // Where another role migrates, its journal may be out of sight; the rights on its tables are looked at below.
  if (facts.reads_journal !== false) {
    const [first, ...others] = facts.reads_journal ? await findPending(sql) : journal
    const more = others.length > 0 ? ` and ${others.length} more` : ''
    if (first) return `the migration ${first.tag}${more} is not applied (npm run migrate)`
  }
  if (!facts.reads_users) return `the table ${known} is not to be seen: GRANT USAGE ON its SCHEMA`
  if (facts.forbidden.length > 0) return `no rights on ${facts.forbidden.join(', ')} (GRANT)`
  return undefined
}

/** Migrations that this code comes with and the database lacks. A newer version's, during a deploy, are no concern of it. */
async function findPending(sql: postgres.Sql) {
  const rows = await sql<{ at: string }[]>`select created_at::text as at from drizzle.__drizzle_migrations`
  const applied = new Set(rows.map(({ at }) => Number(at)))
  return journal.filter(({ when }) => !applied.has(when))
}
