// What holds for worker processes on a Redis of their own: kills, poison, blocked loops, a Redis that is full.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { greet } from '../product/tasks.ts'
import { openLink } from '../support/faulty-link.ts'
import { uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'
import { readLedger, spawnWorker, type WorkerProcess } from './processes.ts'
import { hasRedisServer, startRedis, type RealRedis } from './real-redis.ts'
import { backoff, gate, Text } from './room.ts'
import { block, deaf, lasting, link, plain, poison, type ProcessOptions } from './worker-process.ts'

const BLOCKER = join(import.meta.dir, 'blocker.ts')
const WORKER = join(import.meta.dir, '../product/worker.ts')

describe.skipIf(!hasRedisServer())('worker processes', () => {
  let server: RealRedis
  let redis: Redis
  let dir: string
  const alive: WorkerProcess[] = []

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.url, { maxRetriesPerRequest: null })
    redis.on('error', () => {}) // it is killed on purpose
    dir = await mkdtemp(join(tmpdir(), 'restbun-jobs-'))
  })
  afterAll(async () => {
    for (const worker of alive) {
      worker.signal('SIGKILL')
      await worker.exited
    }
    redis.disconnect()
    await server.remove()
    await rm(dir, { recursive: true })
  })

  /** A queue with a prefix, a ledger and workers of its own. */
  function scene() {
    const prefix = uniquePrefix()
    const ledger = join(dir, `${prefix}ledger`)
    const log = join(dir, `${prefix}log`)
    const fast = { leaseMs: 2000, tickMs: 100, blockMs: null, drainMs: 2000, graceMs: 100 }
    return {
      prefix,
      ledger,
      queue: createQueue({ redis, prefix, maxBytes: 1000 }),
      queueAdmin: createQueueAdmin({ redis, prefix, leaseMs: fast.leaseMs }),
      times: (line: string) => readLedger(ledger).get(line) ?? 0,
      logged: () => readFile(log, 'utf8').catch(() => ''),
      async worker(id: string, options: Partial<ProcessOptions> = {}) {
        const worker = spawnWorker({ url: server.url, ledger, log, prefix, id, ...fast, ...options })
        alive.push(worker)
        await worker.ready
        return worker
      },
    }
  }

  test('SIGTERM: finishes what runs, leaves the rest, and exits with 0', async () => {
    const { queue, queueAdmin, worker, times } = scene()
    const jobs = await queue.enqueueBulk(
      lasting,
      Array.from({ length: 5 }, () => ({})),
    )
    const first = await worker('a', { concurrency: 2, drainMs: 60_000 })
    await until('two to run', () => jobs.filter((job) => times(`begun ${job.id}`) === 1).length === 2)
    first.signal('SIGTERM')
    expect(await first.exited).toEqual({ code: 0, signal: null })
    const done = jobs.filter((job) => times(`done ${job.id}`) === 1)
    expect(done).toHaveLength(2)
    expect(await queueAdmin.stats()).toMatchObject({ waiting: 3, running: 0, later: 0 })
  })

  test('kill -9: the next process under its id runs its jobs at once, long before the lease is over', async () => {
    const { queue, queueAdmin, worker, times } = scene()
    const { id } = await queue.enqueue(plain, { ms: 300 })
    const first = await worker('a', { leaseMs: 600_000 })
    await until('it to run', async () => (await queueAdmin.stats()).running === 1)
    first.signal('SIGKILL')
    await first.exited
    await worker('a', { leaseMs: 600_000 })
    await until('it to end', () => times(`done ${id}`) === 1)
  })

  test('kill -9, again and again: each link of a chain of jobs is there exactly once', async () => {
    const { queue, queueAdmin, worker, ledger } = scene()
    const chains = Array.from({ length: 20 }, (_, chain) => ({ chain: String(chain), left: 9 }))
    await queue.enqueueBulk(link, chains)
    const links = () => [...readLedger(ledger).keys()]
    for (let kills = 1; kills <= 6; kills++) {
      const first = await worker('a', { concurrency: 4 })
      await until('some links', () => links().length >= kills * 20)
      first.signal('SIGKILL')
      await first.exited
    }
    await worker('a', { concurrency: 10 })
    await until('all of them', async () => {
      const { waiting, running, later } = await queueAdmin.stats()
      return waiting + running + later === 0
    })
    // One that was killed before it was acknowledged runs again under the same id.
    const places = links().map((line) => line.split(' ')[1])
    expect(places).toHaveLength(200)
    expect(new Set(places).size).toBe(200)
  })

  test('a poison job is buried after it has killed four workers, and takes nobody with it', async () => {
    const { queue, queueAdmin, worker, times } = scene()
    const { id } = await queue.enqueue(poison, {})
    const jobs = await queue.enqueueBulk(
      plain,
      Array.from({ length: 9 }, () => ({ ms: 100 })),
    )
    let killed = 0
    // As a supervisor would do it.
    const supervise = async (): Promise<void> => {
      const { exited } = await worker('a', { concurrency: 10 })
      if ((await exited).signal === 'SIGKILL' && ++killed < 4) return supervise()
      if (killed === 4) await worker('a')
    }
    const supervised = supervise()
    await until('its burial', async () => (await queueAdmin.show(id))?.place === 'dead')
    await supervised
    await until('all others', () => jobs.every((job) => times(`done ${job.id}`) === 1))
    expect(times(`kill ${id}`)).toBe(4)
    const dead = await queueAdmin.list('dead')
    expect(dead).toMatchObject([{ id, crashes: 4, error: 'its worker died each of the 4 times it ran' }])
  })

  test('a worker whose event loop is blocked is killed from inside, and its job is recovered', async () => {
    const { queue, worker, times } = scene()
    const { id } = await queue.enqueue(block, { ms: 60_000 })
    const first = await worker('a', { blockMs: 1500 })
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' })
    const other = await worker('b', { blockMs: 1500 })
    await until('another run of it', () => times(`block ${id}`) === 2)
    await other.exited
  })

  test('a worker that was stopped and continued is not killed by its watchdog, and is told what it lost', async () => {
    const { queue, queueAdmin, worker, times, logged } = scene()
    const first = await worker('a', { blockMs: 1500 })
    const { id } = await queue.enqueue(plain, { ms: 1000 })
    await until('it to run', async () => (await queueAdmin.stats()).running === 1)
    first.signal('SIGSTOP')
    await worker('b')
    await until('b to take it over', () => times(`done ${id}`) === 1)
    first.signal('SIGCONT')
    await until('a to know', async () => (await logged()).includes('it may run twice'))
    const next = await queue.enqueue(plain, { ms: 1 })
    await until('work as usual', () => times(`done ${next.id}`) === 1)
    expect(first.child.exitCode).toBeNull()
    expect(first.child.signalCode).toBeNull()
  })

  test('a task that ignores its signal past its timeout: exit 1, so that its retry overlaps nothing', async () => {
    const { queue, queueAdmin, worker } = scene()
    const { id } = await queue.enqueue(deaf, { ms: 60_000 })
    const first = await worker('a')
    expect((await first.exited).code).toBe(1)
    expect(await queueAdmin.show(id)).toMatchObject({ place: 'later', failures: 1 })
  })

  test('Redis killed and started again: nothing is lost, nothing runs twice', async () => {
    const { queue, queueAdmin, worker, times } = scene()
    const jobs = await queue.enqueueBulk(
      plain,
      Array.from({ length: 100 }, () => ({ ms: 50 })),
    )
    await worker('a', { concurrency: 5 })
    await until('some to end', () => jobs.filter((job) => times(`done ${job.id}`) > 0).length > 10)
    await server.kill()
    await server.start()
    await until('all to end', () => jobs.every((job) => times(`done ${job.id}`) > 0))
    await until('an idle queue', async () => (await queueAdmin.stats()).running === 0)
    expect(jobs.filter((job) => times(`done ${job.id}`) > 1)).toEqual([])
  })
})

describe.skipIf(!hasRedisServer())('src/worker.ts', () => {
  let server: RealRedis
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.remove())

  function spawnReal(prefix: string, flags: string[] = [], env: Record<string, string> = {}) {
    return spawn(process.execPath, ['--no-orphans', ...flags, WORKER], {
      env: {
        ...process.env,
        NODE_ENV: 'production',
        APP_URL: 'https://api.example.com',
        DATABASE_URL: 'postgres://127.0.0.1:1/none',
        REDIS_URL: server.url,
        REDIS_PREFIX: prefix,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Blocks it for three seconds as soon as it is at work, and stops it when it has come through that. */
  async function runBlocked(...flags: string[]) {
    const child = spawnReal(uniquePrefix(), [...flags, '--preload', BLOCKER], { JOB_BLOCK_MS: '1000' })
    let said = ''
    const steps: [words: string, signal: NodeJS.Signals][] = [
      ['worker at work', 'SIGWINCH'],
      ['came through', 'SIGTERM'],
    ]
    for (const stream of [child.stdout, child.stderr]) {
      let text = ''
      stream.on('data', (chunk) => {
        said += String(chunk)
        text += String(chunk)
        while (text.includes(steps[0]?.[0] ?? '\0')) child.kill(steps.shift()?.[1])
      })
    }
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    return { code, signal, said }
  }

  test('keeps with a failed job what went wrong, and nothing of the data that was in it', async () => {
    const prefix = uniquePrefix()
    const redis = new Redis(server.url)
    const memberId = crypto.randomUUID()
    await createQueue({ redis, prefix, maxBytes: 1000 }).enqueue(greet, { memberId })
    const child = spawnReal(prefix)
    const exited = once(child, 'exit')
    try {
      const job = await until('its failure', async () => {
        const [first] = await createQueueAdmin({ redis, prefix }).list('later')
        return first
      })
      expect(job).toMatchObject({ task: 'greet', failures: 1, data: { memberId } })
      // There is no Postgres: the failed statement had the id as a parameter.
      expect(job.error).toMatch(/^DrizzleQueryError: Failed query/)
      expect(job.error).not.toContain(memberId)
    } finally {
      child.kill('SIGTERM')
      await exited
      redis.disconnect()
    }
  })

  test('is killed when its event loop is blocked, and says so', async () => {
    const { signal, said } = await runBlocked()
    expect(signal).toBe('SIGKILL')
    expect(said).toContain('has not turned for 1000 ms: killed')
  })

  test('lives through that under --hot, where a person may be looking at it', async () => {
    expect(await runBlocked('--hot')).toMatchObject({
      code: 0,
      said: expect.stringContaining('came through'),
    })
  })
})

describe.skipIf(!hasRedisServer())('a Redis that is full', () => {
  test('refuses an enqueue aloud, and is drained by its workers', async () => {
    const server = await startRedis()
    const redis = new Redis(server.url)
    const prefix = uniquePrefix()
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    try {
      const queue = createQueue({ redis, prefix, maxBytes: 10_000 })
      const queueAdmin = createQueueAdmin({ redis, prefix })
      const { task, started, open } = gate()
      await queue.enqueueBulk(
        task,
        Array.from({ length: 200 }, (_, i) => ({ text: String(i) })),
      )
      const options = { redis, prefix, id: 'a', tasks: [task], deps: undefined, log, blockMs: null }
      const worker = startWorker({ ...options, concurrency: 2 })
      await until('two to run', () => started.length === 2)
      await redis.config('SET', 'maxmemory', '1mb')
      expect(queue.enqueue(task, { text: 'one more' })).rejects.toThrow('OOM')
      open()
      await until('the queue to drain', async () => (await queueAdmin.stats()).waiting === 0)
      await until('the last', () => started.length === 200)
      await redis.config('SET', 'maxmemory', '0')
      expect((await queue.enqueue(task, { text: 'one more' })).added).toBe(true)
      await until('that one', () => started.length === 201)
      await worker.stop()
    } finally {
      redis.disconnect()
      await server.remove()
    }
  })

  test('loses no delayed or failing job, and its workers go on when there is room again', async () => {
    const server = await startRedis()
    const redis = new Redis(server.url)
    const prefix = uniquePrefix()
    const warned: string[] = []
    const log = { debug() {}, info() {}, warn: (message: string) => void warned.push(message), error() {} }
    const done: string[] = []
    const task = defineTask({
      name: 'second',
      input: Text,
      backoff,
      run: ({ text }, job) => {
        if (job.attempt === 1) throw new Error('the first time')
        done.push(text)
      },
    })
    try {
      const queue = createQueue({ redis, prefix, maxBytes: 10_000 })
      const queueAdmin = createQueueAdmin({ redis, prefix })
      const texts = Array.from({ length: 60 }, (_, i) => String(i))
      for (const [i, text] of texts.entries()) {
        await queue.enqueue(task, { text }, i % 2 === 0 ? {} : { delayMs: 300 })
      }
      await redis.rpush(`${keyBase(prefix)}run:gone`, '{"id":"x","task":"second","data":{"text":"x"}}')
      await redis.config('SET', 'maxmemory', '1mb')
      // It starts while Redis is full: it cannot beat, so it is not at work yet.
      const options = { redis, prefix, id: 'gone', tasks: [task], deps: undefined, log, blockMs: null }
      const worker = startWorker({ ...options, tickMs: 50, leaseMs: 1000 })
      await until('a refusal', () => warned.some((line) => line.includes('Redis refused a command')))
      const { waiting, later, running } = await queueAdmin.stats()
      expect(waiting + later + running).toBe(61)
      await redis.config('SET', 'maxmemory', '0')
      await worker.ready
      await until('half of them', () => done.length > 10)
      await redis.config('SET', 'maxmemory', '1mb')
      warned.length = 0
      await until('another refusal', () => warned.some((line) => line.includes('Redis refused a command')))
      await redis.config('SET', 'maxmemory', '0')
      await until('all of them', () => done.length >= 61)
      expect(done.toSorted()).toEqual([...texts, 'x'].toSorted())
      await worker.stop()
      expect(await queueAdmin.stats()).toMatchObject({ waiting: 0, later: 0, running: 0, dead: 0 })
    } finally {
      redis.disconnect()
      await server.remove()
    }
  })
})

describe.skipIf(!hasRedisServer())('a Redis', () => {
  test('older than 6.2 is refused by name', async () => {
    const server = await startRedis()
    // Its own words, but for the version, which begins with a 5.
    const link = await openLink(server.url, (text) => text.replace(/redis_version:\d/, 'redis_version:5'))
    const redis = new Redis(link.url, { lazyConnect: true })
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    try {
      const worker = startWorker({ redis, prefix: 'x:', id: 'a', tasks: [], deps: undefined, log })
      for (const why of await Promise.all([worker.ready.catch(String), worker.ended.catch(String)])) {
        expect(why).toMatch(/^Error: Redis 5\.\d+\.\d+ is too old: the queue needs Redis 6\.2 or newer/)
      }
    } finally {
      redis.disconnect()
      await link.close()
      await server.remove()
    }
  })

  test('that may evict is warned about', async () => {
    const server = await startRedis(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'])
    const redis = new Redis(server.url)
    const warned: string[] = []
    const log = { debug() {}, info() {}, warn: (message: string) => void warned.push(message), error() {} }
    try {
      const worker = startWorker({
        redis,
        prefix: 'x:',
        id: 'a',
        tasks: [],
        deps: undefined,
        log,
        blockMs: null,
      })
      await worker.ready
      expect(warned[0]).toContain('its maxmemory-policy is allkeys-lru')
      await worker.stop()
    } finally {
      redis.disconnect()
      await server.remove()
    }
  })
})
