// The outbox: a job that is enqueued in a transaction shares its fate, and then reaches Redis whatever happens.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import type { Log } from '../../../src/kit/types/log.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { manifest } from '../product/app.ts'
import type { PreparedJob } from '../../../src/kit/jobs/new-job.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startRelay } from '../../../src/kit/jobs/outbox/relay.ts'
import { outbox } from '../../../src/kit/jobs/outbox/table.ts'
import { startOnLinks } from '../support/app-on-links.ts'
import { startApp } from '../support/harness.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { startTestWorker } from '../support/worker.ts'

const note = defineTask({ name: 'note', input: z.object({ n: z.number() }), run: () => {} })

const { atEnd, database, app, direct, emptied, postgres, queueAdmin, redis, rows } = await startOnLinks(
  'kit',
  startApp,
  manifest,
)

/** Starts a relay by way of the links, until the test ends. What it logs is in the answer. */
function relay(send?: (job: PreparedJob) => Promise<unknown>) {
  const { deps, queue, close } = createDeps(app.config, manifest)
  const logged: string[] = []
  const add = (message: string) => void logged.push(message)
  const log: Log = { debug: add, info: add, warn: add, error: add }
  const running = startRelay({ db: deps.db, send: send ?? queue.send, log })
  atEnd(() => running.stop().then(close))
  return logged
}

const commit = (n: number) => app.deps.db.transaction((tx) => app.deps.enqueue(tx, note, { n }))
const waiting = async () => (await queueAdmin.list('waiting', 1, 1000)).map(({ id }) => id)

test('a job of a transaction that is rolled back does not exist; one that commits is there within moments', async () => {
  relay()
  const undone = app.deps.db.transaction(async (tx) => {
    await app.deps.enqueue(tx, note, { n: 1 })
    throw new Error('second thoughts')
  })
  await expect(undone).rejects.toThrow('second thoughts')
  const { id } = await commit(2)
  await emptied()
  expect(await queueAdmin.list('waiting')).toMatchObject([{ id, task: 'note', data: { n: 2 } }])
})

test('options go with it: who asked, urgent, and a delay that counts from then on', async () => {
  const { id } = await app.deps.db.transaction(async (tx) => {
    await app.deps.enqueue(tx, note, { n: 1 }, { by: 'me' })
    await app.deps.enqueue(tx, note, { n: 2 }, { delayMs: 60_000 })
    return app.deps.enqueue(tx, note, { n: 3 }, { urgent: true, requestId: 'r-1' })
  })
  relay()
  await emptied()
  expect(await queueAdmin.list('waiting')).toMatchObject([
    { id, requestId: 'r-1' },
    { by: 'me', data: { n: 1 } },
  ])
  expect(await queueAdmin.list('later')).toMatchObject([{ data: { n: 2 } }])
})

test('an input that does not fit is refused, and the transaction with it', async () => {
  const wrong = app.deps.db.transaction((tx) => app.deps.enqueue(tx, note, { n: 'one' as never }))
  await expect(wrong).rejects.toThrow(/note.*n: /)
  expect(await rows()).toEqual([])
})

test('what was committed while Redis was away follows when it is back; that is logged once', async () => {
  const logged = relay()
  await redis.cut()
  const first = await commit(1)
  await until('the complaint', () => logged.length > 0)
  const second = await commit(2)
  await redis.restore()
  await emptied()
  expect(await waiting()).toEqual([first.id, second.id])
  await until('the log', () => logged.length > 1)
  expect(logged).toEqual(['outbox: jobs cannot be relayed; trying again', 'outbox: jobs are relayed again'])
})

test('Postgres away is survived, and logged once', async () => {
  const logged = relay()
  await postgres.cut()
  await until('the complaint', () => logged.length > 0)
  await postgres.restore()
  const { id } = await until('Postgres', () => commit(1).catch(() => undefined))
  await emptied()
  expect(await waiting()).toEqual([id])
  await until('the log', () => logged.length > 1)
  expect(logged).toEqual(['outbox: jobs cannot be relayed; trying again', 'outbox: jobs are relayed again'])
})

test('a worker that is killed after it sent a job and before it deleted the row: the job runs, under the same id', async () => {
  const ran: string[] = []
  const task = defineTask({
    name: 'note',
    input: note.input,
    run: (_input, job) => void ran.push(job.id),
  })
  const { id } = await commit(1)
  const killed = Bun.spawn([process.execPath, join(import.meta.dir, 'outbox-killed.ts')], {
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl(),
      REDIS_PREFIX: app.config.redisPrefix,
      LOG_LEVEL: 'silent',
    },
  })
  await killed.exited
  expect(killed.signalCode).toBe('SIGKILL')
  expect([await waiting(), (await rows()).length]).toEqual([[id], 1])
  const worker = await startTestWorker(app, [task])
  atEnd(worker.stop)
  await emptied()
  await until('an idle queue', async () => {
    const { waiting: left, running } = await queueAdmin.stats()
    return left + running === 0
  })
  expect(ran.length).toBeGreaterThan(0)
  expect(new Set(ran)).toEqual(new Set([id]))
})

test('several relays send each job once, and in the order of the commits', async () => {
  const logged = [relay(), relay(), relay()]
  const ids: string[] = []
  for (let n = 0; n < 250; n++) ids.push((await commit(n)).id)
  await emptied()
  expect(await waiting()).toEqual(ids)
  expect(logged.flat()).toEqual([])
})

test('a job that cannot be sent holds up no other, and is tried again', async () => {
  const refusedByRedis = {
    id: 'x',
    element: '{"id":"x","task":"note"}',
    add: ['later', '', 'soon', '', '', '', ''],
  }
  await direct.deps.db.insert(outbox).values([{ job: { what: 'is this' } }, { job: refusedByRedis }])
  const { id } = await commit(1)
  const logged = relay()
  await until(
    'both to be put off',
    async () => (await rows()).filter((row) => row.retry_at !== null).length === 2,
  )
  const other = await commit(2)
  await until('the others', async () => (await waiting()).length === 2)
  expect(await waiting()).toEqual([id, other.id])
  const complaints = logged.filter((line) => line.includes('others go on'))
  expect(complaints).toHaveLength(2)

  // Once the minute is over; by then somebody has mended it.
  const job = { id: 'mended', element: '{"id":"mended","task":"note","data":{"n":3}}' }
  await direct.deps.db.update(outbox).set({ job, retry_at: new Date() })
  await emptied()
  expect(await waiting()).toContain('mended')
})

test('a relay that stands still with the lock in its hand is ended by Postgres, and another goes on', async () => {
  const reached = Promise.withResolvers<void>()
  relay(() => {
    reached.resolve()
    return new Promise(() => {})
  })
  const { id } = await commit(1)
  await reached.promise
  relay()
  await until('the job', async () => (await waiting()).includes(id))
})

test('emptying the tables empties the outbox: those jobs were about rows that are gone', async () => {
  await commit(1)
  expect((await app.visitor().post('/apitest/dbtruncate', {})).status).toBe(200)
  relay()
  const { id } = await commit(2)
  await emptied()
  expect(await waiting()).toEqual([id])
})
