// The database of a Redis that REDIS_URL names: it is that one and no other, or the start says so.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { deletePrefix } from '../../../scripts/services/test-run.ts'
import { collector } from '../jobs/room.ts'
import { createDatabase, redisUrl, serverEnv, uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'

const inDatabase = (number: number) => new URL(`/${number}`, redisUrl()).href

test('a database that Redis has not is refused by name, by servers, workers and commands', async () => {
  const database = await createDatabase()
  try {
    const ends = ['src/server.ts', 'src/worker.ts', 'scripts/jobs.ts', 'scripts/console.ts'].map(
      async (entry) => {
        const child = Bun.spawn([process.execPath, entry], {
          cwd: join(import.meta.dir, '../../..'),
          env: { ...serverEnv(database.url, uniquePrefix()), REDIS_URL: inDatabase(99_999) },
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        const [said, code] = await Promise.all([child.stderr.text(), child.exited])
        expect([entry, code, said]).toEqual([
          entry,
          1,
          expect.stringMatching(/^REDIS_URL names database 99999/),
        ])
      },
    )
    await Promise.all(ends)
  } finally {
    await database.drop()
  }
})

test('two databases of one Redis do not share jobs, under one prefix', async () => {
  const prefix = uniquePrefix()
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const sides = [1, 2].map((number) => {
    const redis = new Redis(inDatabase(number))
    const { ran, task } = collector()
    const queue = createQueue({ redis, prefix, maxBytes: 1000 })
    const options = { redis, prefix, tasks: [task], deps: undefined, log, tickMs: 50, blockMs: null }
    return { redis, ran, task, queue, worker: startWorker({ ...options, id: `w${number}` }) }
  })
  try {
    await Promise.all(sides.map(({ worker }) => worker.ready))
    const [one, two] = sides
    for (let i = 0; i < 20; i++) await one?.queue.enqueue(one.task, { text: `one ${i}` })
    for (let i = 0; i < 20; i++) await two?.queue.enqueue(two.task, { text: `two ${i}` })
    await until('all jobs', () => sides.every(({ ran }) => ran.length >= 20))
    expect(sides.map(({ ran }) => [...new Set(ran.map((text) => text.split(' ')[0]))])).toEqual([
      ['one'],
      ['two'],
    ])
  } finally {
    await Promise.all(sides.map(({ worker }) => worker.stop()))
    for (const { redis } of sides) redis.disconnect()
    for (const number of [1, 2]) await deletePrefix(inDatabase(number), prefix)
  }
})
