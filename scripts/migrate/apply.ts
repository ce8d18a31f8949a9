// Applies one migration: in a transaction with its record, or statement by statement where it says `-- concurrently`.
import type { MigrationMeta } from 'drizzle-orm/migrator'
import type postgres from 'postgres'
import { watchBlockers } from './blockers.ts'
import { isBuilt } from './concurrent-index.ts'
import type { Patience } from './patience.ts'
import { prepareSession } from './session.ts'

export interface Applier {
  /** A connection that does nothing else. */
  sql: postgres.Sql
  /** Another one, to look at the first. */
  watcher: postgres.Sql
  /** Holds the turn. It is silent meanwhile: an index that is built would wait for its transaction. */
  turn: postgres.ISql
  patience: Patience
  log: (line: string) => void
}

/** A comment at the head of a file: its statements bear no transaction. */
const CONCURRENTLY = /^(?:\s*--.*\n)*?\s*--[ \t]*concurrently[ \t]*\r?(?:\n|$)/i

/** A lock was not to be had in time, or two waited for each other: nothing was changed, and it may go well later. */
const BUSY = ['55P03', '40P01']

const HINTS: Record<string, string> = {
  '25001':
    'A statement that bears no transaction goes into a migration of its own, with `-- concurrently` on its first line',
  '55P04': 'Put what uses the new value into a later migration: each is committed by itself',
}

/** Somebody else had a lock for too long. */
class LockTaken extends Error {
  constructor(
    readonly holders: string[],
    options: ErrorOptions,
  ) {
    super('a lock was taken', options)
  }
}

/**
 * Applies a migration, and again after a pause while others hold its locks.
 * @throws Error that says which migration, what went wrong, and who holds the lock if it was one
 */
export async function apply(name: string, migration: MigrationMeta, applier: Applier): Promise<void> {
  const { patience, log } = applier
  const attempt = CONCURRENTLY.test(migration.sql[0] ?? '') ? applyConcurrently : applyAtOnce
  const end = performance.now() + patience.retryMs
  let pauseMs = patience.pauseMs.first
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt(migration, applier)
    } catch (error) {
      if (!(error instanceof LockTaken)) throw explain(name, error)
      const held = error.holders.join('\n  ') || 'sessions that had ended before they could be seen'
      if (performance.now() > end) {
        throw new Error(
          `${name} did not get a lock in ${patience.retryMs / 1000} s (${attempts} attempts). Held by:\n  ${held}\n` +
            'Wait until that ends, or end it (select pg_terminate_backend(pid)), and migrate again',
          { cause: error },
        )
      }
      if (attempts === 1) log(`${name} waits for a lock, a moment at a time. Held by:\n  ${held}`)
      await Bun.sleep(pauseMs * (0.5 + Math.random()))
      pauseMs = Math.min(pauseMs * 2, patience.pauseMs.most)
    }
  }
}

async function applyAtOnce(
  migration: MigrationMeta,
  { sql, watcher, turn, patience }: Applier,
): Promise<void> {
  await sql.begin('isolation level read committed', async (tx) => {
    const pid = await prepareSession(tx, patience.lockMs)
    await watched(watcher, pid, async () => {
      for (const statement of migration.sql) await tx.unsafe(statement)
      await turn.unsafe('select') // gone, it fails: somebody else may have it
      await record(tx, migration)
    })
  })
}

/** Broken half way it is run again from its start: an index that is there is left, an unfinished one dropped. */
async function applyConcurrently(
  migration: MigrationMeta,
  { sql, watcher, turn, patience }: Applier,
): Promise<void> {
  await refusePooler(sql)
  // Nobody queues behind these waits but other changes of the same table: they may last.
  const pid = await prepareSession(sql, patience.retryMs, 'session')
  await watched(watcher, pid, async () => {
    for (const statement of migration.sql) {
      if (!(await isBuilt(sql, statement))) await sql.unsafe(statement)
    }
    await turn.unsafe('select')
    await record(sql, migration)
  })
}

/** Runs `work` on the session of that id. @throws LockTaken with those who were seen to hold the lock */
async function watched(watcher: postgres.Sql, pid: number, work: () => Promise<void>): Promise<void> {
  const watch = watchBlockers(watcher, pid)
  try {
    await work()
  } catch (cause) {
    const holders = await watch.stop()
    throw BUSY.includes(codeOf(cause)) ? new LockTaken(holders, { cause }) : cause
  }
  await watch.stop()
}

/** As Drizzle's own `migrate` does: that finds nothing to do afterwards. */
async function record(sql: postgres.ISql, { hash, folderMillis }: MigrationMeta): Promise<void> {
  await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`
}

/** A pooler makes up the id that it greets with, and lends another session to each statement. */
async function refusePooler(sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  const { pid: greeted } = rows.state as unknown as { pid: number }
  if (rows[0]?.pid === greeted) return
  throw new Error(
    'a migration that says `-- concurrently` needs a session of its own, and this connection leads through a pooler: ' +
      'name Postgres itself by MIGRATE_DATABASE_URL',
  )
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

function explain(name: string, error: unknown): Error {
  const hint = HINTS[codeOf(error)]
  const message = error instanceof Error ? error.message : String(error)
  return new Error(`${name} failed: ${message}${hint === undefined ? '' : `. ${hint}`}`, { cause: error })
}
