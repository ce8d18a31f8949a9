// Does once what is sent twice with one `Idempotency-Key`: the second request gets the answer of the first for 24 hours.
//
//   table.ts     export const idempotencyKeys = idempotencyKeysTable(users)
//   product.ts   export const { idempotent, deleteExpired } = createIdempotency(idempotencyKeys)
//   routes.ts    requireRole('editor'), validate('json', NewBook), idempotent(), async (c) => ...
//
// With a key the handler's `c.var.db` is a transaction, in which the answer is kept beside the rows and the jobs: none is
// without the others, whatever dies in between. An error rolls all of it back and is not kept: nothing was done, so the same
// key may try again. It holds a connection for as long as the handler runs: call no other service there.
import { is, lt, type SQL, sql } from 'drizzle-orm'
import { type AnyPgColumn, index, integer, jsonb, PgDatabase, PgDialect } from 'drizzle-orm/pg-core'
import { pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { routePath } from 'hono/route'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { deleteInBatches } from '../data/batches.ts'
import type { KitDeps } from '../deps.ts'
import { contentTooLarge, defineError, invalidRequest } from '../types/api-error.ts'
import type { Db } from '../types/db.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** The table, beside a product's accounts: export it from a `table.ts` of yours. */
export const idempotencyKeysTable = (users: { id: AnyPgColumn<{ columnType: 'PgUUID' }> }) =>
  pgTable(
    'idempotency_keys',
    {
      account: uuid()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      /** Method and pattern: `POST /api/books`. */
      route: text().notNull(),
      key: text().notNull(),
      /** SHA-256 of method, path, query and body, in hex. */
      fingerprint: text().notNull(),
      status: integer().notNull(),
      headers: jsonb().$type<Record<string, string>>().notNull(),
      body: text().notNull(),
      created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    },
    (t) => [
      primaryKey({ columns: [t.account, t.route, t.key] }),
      index('idempotency_keys_account_created').on(t.account, t.created),
    ],
  )

export const requestInProgress = defineError(
  409,
  'request_in_progress',
  'The first request with this `Idempotency-Key` is not done yet: try again',
  () => ({ headers: { 'Retry-After': '1' } }),
)
export const keyReused = defineError(
  422,
  'idempotency_key_reused',
  'This `Idempotency-Key` was sent with another request: a new one takes a new key',
)

const KEY = /^[\x21-\x7e]{1,255}$/
/** Of an answer. With the next it bounds what an account can fill: 64 MB. */
const MAX_CHARACTERS = 64 * 1024
/** Of these about as many of an account's last are kept. */
const PER_ACCOUNT = 1000
const A_DAY_AGO = sql`now() - interval '1 day'`
/** After one request in so many the older ones are deleted. */
const TRIMMED_AFTER = 16

/** Rolls back when the answer is an error, which stands already. */
class Refused extends Error {}

type Kept = { fingerprint: string; status: number; headers: Record<string, string>; body: string }

const input = sql.placeholder

/** Sends a statement that is built once, and that each connection prepares once: half of the round trips, and less of the CPU. */
function statement<Row>(built: SQL) {
  const query = new PgDialect().sqlToQuery(built)
  return (tx: Db, values: Record<string, unknown>): Promise<Row[]> =>
    tx._.session.prepareQuery<Sent<Row>>(query, undefined, 'idempotency', false).execute(values)
}
type Sent<Row> = { execute: Row[]; all: unknown; values: unknown }

/** The word for routes, and what a cron has to call. */
export function createIdempotency(table: ReturnType<typeof idempotencyKeysTable>) {
  /** Takes the key for this transaction, and finds the answer that is kept: one row. */
  const take = statement<{ is_mine: boolean } & (Kept | { status: null })>(
    sql`select pg_try_advisory_xact_lock(hashtextextended(${input('account')}::text || ' ' || ${input('route')} || ' ' || ${input('key')}, 0))
      as is_mine, status, fingerprint, headers, body from (values (1)) once left join ${table}
      on account = ${input('account')} and route = ${input('route')} and key = ${input('key')} and created > ${A_DAY_AGO}`,
  )

  /**
   * In place of one that is older than a day. No row: another request has committed an answer after this one's `take` had begun
   * to look, and before it had the lock.
   */
  const keep = statement<object>(
    sql`insert into ${table} (account, route, key, fingerprint, status, headers, body)
      values (${input('account')}, ${input('route')}, ${input('key')}, ${input('fingerprint')}, ${input('status')}, ${input('headers')}, ${input('body')})
      on conflict (account, route, key) do update set fingerprint = excluded.fingerprint, status = excluded.status,
        headers = excluded.headers, body = excluded.body, created = now()
        where ${table}.created <= ${A_DAY_AGO} returning status`,
  )

  const trim = (db: Db, account: string) =>
    db.execute(sql`delete from ${table} where ctid = any(array(select ctid from ${table}
      where account = ${account} order by created desc offset ${PER_ACCOUNT}))`)

  const handler = middleware(async (c, next) => {
    const key = c.req.header('idempotency-key')
    if (key === undefined) return next()
    if (!KEY.test(key))
      throw invalidRequest({ message: 'Idempotency-Key: must be 1 to 255 visible characters' })
    const { db, enqueue, session } = c.var
    if (session === null)
      throw new Error('idempotent() stands behind requireRole(): keys are an account’s own')
    const { method, url } = c.req
    const id = { account: session.userId, route: `${method} ${routePath(c)}`, key }
    const path = url.slice(url.indexOf('/', url.indexOf('//') + 2))
    const fingerprint = c.var.digest(`${method} ${path}\n${await c.req.text()}`)
    const { headers: before } = c.body(null)
    const work = async (tx: Db) => {
      const [found] = await take(tx, id)
      if (found !== undefined && found.status !== null) return found
      if (found?.is_mine !== true) throw requestInProgress()
      c.set('db', tx)
      c.set('enqueue', inTransaction(enqueue, tx))
      await next()
      if (c.res.status >= 400) throw new Refused()
      const { status, headers } = c.res
      if (c.get('noStore') === true || headers.getSetCookie().length > before.getSetCookie().length)
        throw new Error('idempotent() must not stand on a route that sets a cookie or answers a secret')
      const body = await c.res.clone().text()
      if (body.length > MAX_CHARACTERS)
        throw contentTooLarge({ message: 'The answer is too large for an Idempotency-Key: send it without' })
      const own = JSON.stringify(Object.fromEntries([...headers].filter(([name]) => !before.has(name))))
      const answer = { fingerprint, status, headers: own, body }
      if ((await keep(tx, { ...id, ...answer })).length === 0) throw requestInProgress()
      return undefined
    }
    try {
      const kept = await db.transaction(work)
      if (kept === undefined) {
        // What was done is done: the next trim takes what this one could not.
        const leave = (error: unknown) => c.get('log').warn('old answers stay', { error })
        if (Math.random() < 1 / TRIMMED_AFTER) await trim(db, id.account).catch(leave)
        return undefined
      }
      if (kept.fingerprint !== fingerprint) throw keyReused()
      const status = kept.status as ContentfulStatusCode
      return c.newResponse(kept.body || null, status, { ...kept.headers, [REPLAYED]: 'true' })
    } catch (why) {
      let error = why
      if (error instanceof Refused) {
        // Refused perhaps by what another request has done, whose answer `take` came too early to see.
        const [found] = await take(db, id).catch(() => [])
        if (!found?.status) return undefined
        error = requestInProgress()
      }
      if (c.finalized) {
        c.res = undefined // or the error would have the headers of an answer that does not hold
        c.res = new Response()
      }
      throw error
    } finally {
      c.set('db', db)
      c.set('enqueue', enqueue)
    }
  })

  return {
    /** Place it after `requireRole` and the validators. Without the header the route is as without the word. */
    idempotent: () => tag(handler, CONTRIBUTION),
    /** For a cron, once an hour or a day. */
    deleteExpired: async ({ db }: Pick<KitDeps, 'db'>, signal?: AbortSignal): Promise<void> =>
      void (await deleteInBatches(db, table, lt(table.created, A_DAY_AGO), signal)),
  }
}

const REPLAYED = 'Idempotent-Replayed'

const CONTRIBUTION = {
  requestHeader: {
    name: 'Idempotency-Key',
    about: 'A new random one for each new thing, the same when it is sent again: it is then done once.',
  },
  headers: {
    [REPLAYED]:
      '`true`: the answer of an earlier request with this `Idempotency-Key`, from the last 24 hours.',
  },
  errors: [invalidRequest, requestInProgress, contentTooLarge, keyReused],
  isOfAccount: true,
}

/** Jobs commit with the rows, also where the handler does not say so: a worker would not find what is not committed yet. */
function inTransaction(enqueue: KitDeps['enqueue'], tx: Db): KitDeps['enqueue'] {
  const either = async (first: unknown, ...rest: unknown[]) => {
    const args = is(first, PgDatabase) ? [first, ...rest] : [tx, first, ...rest]
    return { added: true, ...(await enqueue(...(args as Parameters<KitDeps['enqueue']>))) }
  }
  return either
}
