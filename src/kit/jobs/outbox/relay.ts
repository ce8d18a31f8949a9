// Relays the jobs of committed transactions from the outbox to Redis.
import { asc, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { prepared } from '../../data/prepared.ts'
import { isTransient, retryConflict } from '../../data/transient.ts'
import type { Db } from '../../types/db.ts'
import type { Log } from '../../types/log.ts'
import { Bell } from '../bell.ts'
import type { PreparedJob } from '../new-job.ts'
import { outbox } from './table.ts'

/**
 * Asking is one read of an empty index. LISTEN would save it, and cost each worker a connection of its own that no
 * pooler can share, each commit a NOTIFY (Postgres lines up such commits), and a poll all the same for what was missed.
 */
const POLL_MS = 500
const BATCH = 100
/** A job that Redis refuses, while it takes others, waits this long and lets the others pass. */
const REFUSED = sql`now() + interval '1 minute'`
/** Postgres ends a relay that stands still with the lock in its hand, and the next worker takes over. */
const LOCK_TIMEOUT_MS = 10_000
/** A Postgres that does not answer must not hold up the end of the worker. */
const STOP_MS = 3000

const StoredJob = z.object({
  id: z.string(),
  element: z.string(),
  queue: z.string().optional(),
  add: z.array(z.union([z.string(), z.number()])).optional(),
}) satisfies z.ZodType<PreparedJob>

const isDue = or(isNull(outbox.retry_at), lte(outbox.retry_at, sql`now()`))

const anyDue = prepared((db) =>
  db
    .select({ id: outbox.id })
    .from(outbox)
    .where(isDue)
    .orderBy(asc(outbox.id))
    .limit(1)
    .prepare('outbox_due'),
)

interface RelayOptions {
  db: Db
  /** Resolves when Redis has the job. */
  send(job: PreparedJob): Promise<unknown>
  log: Log
  /** Between two looks into an outbox that was empty, in ms. */
  pollMs?: number
}

/**
 * Relays until it is stopped. Postgres or Redis away is logged once, and what was committed meanwhile follows when they
 * are back.
 */
export function startRelay(options: RelayOptions) {
  const { log, pollMs = POLL_MS } = options
  const bell = new Bell()
  let stopped = false
  let troubled = false

  async function run(): Promise<void> {
    while (!stopped) {
      const { more, trouble } = await relay(options).catch((error: unknown) => ({
        more: false,
        trouble: error,
      }))
      if (trouble !== undefined && !troubled) {
        log.error('outbox: jobs cannot be relayed; trying again', { error: trouble })
      }
      if (trouble === undefined && troubled) log.info('outbox: jobs are relayed again')
      troubled = trouble !== undefined
      if (!more && !stopped) await bell.wait(pollMs)
    }
  }
  const ended = run()

  return {
    /** Resolves when nothing is under way any more. */
    async stop(): Promise<void> {
      stopped = true
      bell.ring()
      const patience = new Bell()
      void ended.then(() => patience.ring())
      await patience.wait(STOP_MS)
    },
  }
}

/**
 * Sends what is due and deletes it, in one transaction. One relay at a time, so that jobs keep their order and
 * workers do not wait for each other: whoever finds the lock taken has nothing to do. A relay that dies between sending
 * and the commit leaves its rows to the next one, which sends the same jobs, with the same ids, again.
 */
async function relay(options: RelayOptions): Promise<Round> {
  if ((await anyDue(options.db).execute()).length === 0) return { more: false }
  return retryConflict(() => relayDue(options))
}

interface Round {
  /** There may be more to send. */
  more: boolean
  /** What kept jobs from being sent. */
  trouble?: unknown
}

function relayDue({ db, send, log }: RelayOptions): Promise<Round> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.execute<{ mine: boolean }>(sql`
      select pg_try_advisory_xact_lock(hashtext('outbox')) as mine,
             set_config('idle_in_transaction_session_timeout', ${String(LOCK_TIMEOUT_MS)}, true)`)
    if (!lock?.mine) return { more: false }
    const rows = await tx.select().from(outbox).where(isDue).orderBy(asc(outbox.id)).limit(BATCH)
    // All in one turn of the event loop: the queue sends them in their order, and most of them as one command.
    const outcomes = await Promise.allSettled(rows.map(async ({ job }) => send(StoredJob.parse(job))))

    const sent: bigint[] = []
    const refused: bigint[] = []
    let trouble: unknown
    for (const [i, { id }] of rows.entries()) {
      const outcome = outcomes[i]
      if (outcome?.status === 'fulfilled') sent.push(id)
      else if (isRefusal(outcome?.reason)) {
        refused.push(id)
        log.error('outbox: a job cannot be sent; it is tried again in a minute, others go on', {
          row: String(id),
          error: outcome?.reason,
        })
      } else trouble = outcome?.reason
    }
    if (sent.length > 0) await tx.delete(outbox).where(inArray(outbox.id, sent))
    if (refused.length > 0) {
      await tx.update(outbox).set({ retry_at: REFUSED }).where(inArray(outbox.id, refused))
    }
    return { more: rows.length === BATCH && trouble === undefined, trouble }
  })
}

/** True for what lies in the job itself; Redis being away, full or loading is no fault of the job. */
const isRefusal = (error: unknown) =>
  error instanceof z.ZodError ||
  (error instanceof Error && error.name === 'ReplyError' && !isTransient(error))
