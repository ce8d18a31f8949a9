// The load under which a primary is replaced: requests, and transactions that enqueue. It counts what clients are told, and what was committed and lost.
import { expect } from 'bun:test'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startApp, type TestApp } from '../../kit/support/harness.ts'
import { until } from '../../kit/support/until.ts'
import { startTestWorker } from '../../kit/support/worker.ts'

const READERS = 8
const STALE_READERS = 2
const WRITERS = 4
/** Requests are ended by it where nothing else ends them. */
const REQUEST_MS = 10_000

const noteTask = (ran: Set<number>) =>
  defineTask({ name: 'note', input: z.object({ n: z.number() }), run: ({ n }) => void ran.add(n) })

/** A service with a worker, under load from now on. */
export async function startLoadedService(env: Record<string, string>) {
  /** What the jobs say that ran. */
  const ran = new Set<number>()
  const note = defineTask({
    name: 'note',
    input: z.object({ n: z.number() }),
    run: ({ n }) => void ran.add(n),
  })
  const app = await startApp({ REQUEST_TIMEOUT_MS: String(REQUEST_MS), ...env })
  await app.deps.db.execute(sql`create table if not exists rows_of_load (n integer primary key)`)
  await app.deps.db.execute(sql`truncate rows_of_load`)
  const worker = await startTestWorker(app, [note])
  const load = startLoad(app, note, ran)
  return {
    app,
    load,
    async close() {
      load.stop()
      await worker.stop()
      await app.close()
    },
  }
}

function startLoad(app: TestApp, note: ReturnType<typeof noteTask>, ran: Set<number>) {
  const { db, enqueue } = app.deps
  const statuses: Record<string, number> = {}
  const committed: number[] = []
  const unknown: string[] = []
  let [n, stopping, answeredAt, longestGapMs, slowestMs] = [0, false, performance.now(), 0, 0, 0]
  const count = (key: string, began: number) => {
    statuses[key] = (statuses[key] ?? 0) + 1
    const now = performance.now()
    slowestMs = Math.max(slowestMs, now - began)
    if (key === 'GET 200' || key === 'committed') {
      longestGapMs = Math.max(longestGapMs, now - answeredAt)
      answeredAt = now
    }
  }
  const readers = (name: string, path: string, many: number) =>
    Array.from({ length: many }, async () => {
      while (!stopping) {
        const began = performance.now()
        const reply = await fetch(`${app.url}${path}`).catch(() => undefined)
        if (reply === undefined) break // the test is over
        await reply.text()
        if (reply.status === 503 && reply.headers.get('retry-after') === null)
          unknown.push('503 without Retry-After')
        count(`${name} ${reply.status}`, began)
        if (reply.status !== 200) await Bun.sleep(20)
      }
    })
  const writers = Array.from({ length: WRITERS }, async () => {
    while (!stopping) {
      const began = performance.now()
      const mine = n++
      try {
        await db.transaction(async (tx) => {
          await tx.execute(sql`insert into rows_of_load values (${mine})`)
          await enqueue(tx, note, { n: mine })
        })
        committed.push(mine)
        count('committed', began)
      } catch {
        count('not committed', began)
        await Bun.sleep(20)
      }
      await Bun.sleep(2)
    }
  })
  const staleReaders = app.config.databaseReplicaUrl === undefined ? 0 : STALE_READERS
  const all = [
    ...writers,
    ...readers('GET', '/api/probe', READERS),
    ...readers('stale GET', '/api/probe/stale', staleReaders),
  ]
  const answers = () => statuses['GET 200'] ?? 0
  return {
    /** Resolves when so many more requests were answered. */
    served(more = 200) {
      const before = answers()
      return until('requests to be served', () => answers() > before + more)
    },
    stop: () => void (stopping = true),
    /** What clients were told so often: `GET 200`, `stale GET 503`. */
    statuses,
    /** Ends it, waits for the jobs, and prints. @returns what was committed and is lost: jobs that did not run, rows that are not there */
    async end(title: string) {
      stopping = true
      await Promise.all(all)
      await until(
        'an empty outbox',
        async () => (await db.execute(sql`select 1 from outbox limit 1`)).length === 0,
      )
      let jobs = committed.filter((each) => !ran.has(each))
      for (let i = 0; jobs.length > 0 && i < 100; i++) {
        await Bun.sleep(50)
        jobs = committed.filter((each) => !ran.has(each))
      }
      const there = new Set(
        (await db.execute<{ n: number }>(sql`select n from rows_of_load`)).map((row) => row.n),
      )
      const rows = committed.filter((each) => !there.has(each))
      process.stdout.write(
        `${title}: ${JSON.stringify(statuses)}, longest gap ${(longestGapMs / 1000).toFixed(1)} s, slowest answer ${(slowestMs / 1000).toFixed(1)} s, ` +
          `${committed.length} transactions committed: ${jobs.length} jobs and ${rows.length} rows of them lost\n`,
      )
      expect(unknown).toEqual([])
      expect(
        Object.keys(statuses).filter((key) => key.includes('GET ') && !/GET (200|503)$/.test(key)),
      ).toEqual([])
      return { jobs, rows }
    },
  }
}
