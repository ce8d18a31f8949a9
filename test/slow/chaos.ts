// The chaos lane: a real Redis and real worker processes, broken in every way we know, and not one job lost.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { malformed, parseElement } from '../../src/kit/jobs/element.ts'
import { createQueueAdmin } from '../../src/kit/jobs/queue-admin.ts'
import { createQueue, type Queue } from '../../src/kit/jobs/queue.ts'
import { keyBase } from '../../src/kit/jobs/scripts.ts'
import { readLedger, spawnWorker, type WorkerProcess } from '../kit/jobs/processes.ts'
import { hasRedisServer, startRedis, type RealRedis } from '../kit/jobs/real-redis.ts'
import {
  crawled,
  link,
  mailed,
  plain,
  poison,
  watched,
  type ProcessOptions,
} from '../kit/jobs/worker-process.ts'
import { takeArguments } from '../../scripts/command.ts'
import { OUTAGES, runOutages } from './chaos/outages.ts'

const WORKERS = 3
const CONCURRENCY = 10
const PREFIX = 'chaos:'
const LEASE_MS = 3000
const USAGE = 'Usage: npm run test:chaos [-- --quick] [<fault> ...]'
const { values, positionals: asked } = takeArguments(USAGE, { quick: { type: 'boolean' } }, Infinity)
const quick = values.quick === true
const JOBS = quick ? 1500 : 20_000
/** A fault alone comes more often when there is less time for it. */
const PACE = quick ? 0.4 : 1
const POISON = quick ? 1 : 3
/**
 * Where the append-only file lies: a killed Redis loses nothing that it has written, but while a slow disk syncs,
 * `everysec` answers before it writes, and its documented second of loss is not what is looked for here.
 */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** A job is stuck when nothing has moved for this long. */
const STILL_MS = 30_000

/** What a fault may use, and where it keeps count of what it did. */
interface Arena {
  redis: RealRedis
  workers: WorkerProcess[]
  counts: { kills: number; stops: number; cuts: number; restarts: number; drains: number }
  /** Starts a process in the place of one that has ended, under the same id or a new one, unless there is one. */
  respawn(victim: WorkerProcess, sameId: boolean): Promise<void>
  /** Rejects when the jobs are done. */
  pause(minMs: number, maxMs: number): Promise<void>
  unexpected: string[]
  /** What must end among the dead, and what may. */
  doomed: Set<string>
  foul: Set<string>
}

const anyOf = <T>(list: readonly T[]): T =>
  list[Math.floor(Math.random() * list.length)] ?? raise('an empty list')

/** Each runs round after round until the jobs are done or its time is over. */
const FAULTS: Record<string, (arena: Arena) => Promise<void>> = {
  async kill(arena) {
    await arena.pause(1000, 2000)
    const victim = anyOf(arena.workers)
    arena.counts.kills++
    victim.signal('SIGKILL')
    await victim.exited
    // Half of them come back as a supervisor would bring them back, half leave their jobs to the others.
    await arena.respawn(victim, Math.random() < 0.5)
  },
  async redis(arena) {
    await arena.pause(1500, 3500)
    arena.counts.restarts++
    await arena.redis.kill()
    await Bun.sleep(100 + Math.random() * 900)
    await arena.redis.start()
  },
  async stop(arena) {
    await arena.pause(500, 1000)
    const victim = anyOf(arena.workers)
    arena.counts.stops++
    victim.signal('SIGSTOP')
    await Bun.sleep(LEASE_MS * 1.5 + Math.random() * 1000)
    victim.signal('SIGCONT')
    // Time to find out that its jobs are not its own any more.
    await Bun.sleep(1000)
  },
  async cut(arena) {
    await arena.pause(300, 300)
    const admin = new Redis(arena.redis.url, { maxRetriesPerRequest: 1, retryStrategy: () => null })
    admin.on('error', () => {})
    const cut = await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').catch(() => 0)
    arena.counts.cuts += Number(cut)
    admin.disconnect()
  },
  async bytes(arena) {
    await arena.pause(100, 200)
    const redis = new Redis(arena.redis.url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
    redis.on('error', () => {})
    const base = keyBase(PREFIX)
    const worker = Buffer.from(`\xff${crypto.randomUUID()}`, 'latin1')
    const list = Buffer.concat([Buffer.from(`${base}run:`), worker])
    // Where workers take jobs, where delayed ones wait, and in the hands of one that died.
    const puts = [
      (raw: Buffer) => redis.lpush(`${base}queue`, raw),
      (raw: Buffer) => redis.zadd(`${base}later`, Date.now() + 500, raw),
      (raw: Buffer) => redis.multi().zadd(`${base}workers`, 0, worker).rpush(list, raw).exec(),
    ]
    for (const put of puts) {
      const raw = Buffer.from(`{"id":"${crypto.randomUUID()}","task":"work","data":"\xff"}`, 'latin1')
      const { id } = malformed(raw)
      arena.foul.add(id)
      if (await put(raw).catch(() => null)) arena.doomed.add(id)
    }
    redis.disconnect()
  },
  async term(arena) {
    await arena.pause(1000, 2000)
    const victim = anyOf(arena.workers)
    arena.counts.drains++
    victim.signal('SIGTERM')
    const { code, signal } = await victim.exited
    if (code !== 0 && signal !== 'SIGKILL' && signal !== 'SIGTERM')
      arena.unexpected.push(`${victim.id} drained with ${code ?? signal}`)
    await arena.respawn(victim, true)
  },
}

interface Lane {
  name: string
  faults: string[]
  poison?: boolean
  redisSettings?: string[]
  /** Left out of the quick version. */
  long?: boolean
}

/** Redis answers when it has written, and not before: a loaded machine cannot blur the bounds. */
const ALWAYS = ['--appendfsync', 'always']

const LANES: Lane[] = [
  { name: 'nothing', faults: [], long: true },
  { name: 'kill -9', faults: ['kill'] },
  { name: 'redis killed (everysec)', faults: ['redis'], long: true },
  { name: 'redis killed (always)', faults: ['redis'], redisSettings: ALWAYS },
  { name: 'SIGSTOP past the lease', faults: ['stop'] },
  { name: 'connections cut', faults: ['cut'] },
  { name: 'poison jobs', faults: [], poison: true },
  { name: 'rolling SIGTERM', faults: ['term'] },
  { name: 'bytes that are not UTF-8', faults: ['bytes'] },
  {
    name: 'all together',
    faults: ['kill', 'redis', 'stop', 'cut', 'term', 'bytes'],
    poison: true,
    redisSettings: ALWAYS,
  },
]

interface Outcome {
  lane: string
  jobs: number
  seconds: number
  did: string
  lost: number
  twice: number
  /** Starts beside as many of the same key as its limit allows, by a job that was not stopped while it ran. */
  overrun: number
  /** A stopped worker may begin, when it goes on, what it had been given before and others have run since. */
  mayOverrun: number
  /** The most that may run twice. */
  bound: number
  stuck: number
  faults: string[]
}

async function runLane(lane: Lane): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), 'restbun-chaos-'))
  const redis = await startRedis(lane.redisSettings, MEMORY)
  const ledger = join(dir, 'ledger')
  const log = join(dir, 'log')
  const workers: WorkerProcess[] = []
  const unexpected: string[] = []
  const expected = new Set<WorkerProcess>()
  let generation = 0
  /** Nothing is broken any more. */
  let calm = false
  /** Nobody is started any more. */
  let over = false

  const spawnAt = (i: number, id: string): WorkerProcess => {
    const options: ProcessOptions = { url: redis.url, ledger, log, prefix: PREFIX, id, ...SETTINGS }
    const worker = spawnWorker(options)
    const { signal } = worker
    // Whoever ends a worker says so first, so that its end is no surprise.
    worker.signal = (name) => {
      if (name === 'SIGKILL' || name === 'SIGTERM') expected.add(worker)
      signal(name)
    }
    workers[i] = worker
    // A poison job kills its worker, and a supervisor would start it again.
    void worker.exited.then(({ code, signal: by }) => {
      if (over || workers[i] !== worker || expected.has(worker)) return
      if (by !== 'SIGKILL' || !lane.poison) unexpected.push(`${id} ended with ${code ?? by}`)
      spawnAt(i, id)
    })
    return worker
  }

  const arena: Arena = {
    redis,
    workers,
    counts: { kills: 0, stops: 0, cuts: 0, restarts: 0, drains: 0 },
    unexpected,
    doomed: new Set(),
    foul: new Set(),
    async respawn(victim, sameId) {
      const i = workers.indexOf(victim)
      if (i < 0 || over) return
      const worker = spawnAt(i, sameId ? victim.id : `w${i}.${++generation}`)
      await worker.ready.catch(() => {})
    },
    async pause(minMs, maxMs) {
      const pace = lane.faults.length > 1 ? 1 : PACE
      const end = performance.now() + pace * (minMs + Math.random() * (maxMs - minMs))
      while (performance.now() < end && !calm) await Bun.sleep(20)
      if (calm) throw new Calm()
    },
  }
  const started = performance.now()
  const producer = new Redis(redis.url, {
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
    commandTimeout: 2000,
  })
  producer.on('error', () => {})
  const queue = createQueue({ redis: producer, prefix: PREFIX, maxBytes: 1024 })
  const acknowledged = new Set<string>()
  try {
    // Half of the jobs wait when the workers start, the other half comes while things break.
    await produce(queue, acknowledged, JOBS / 2)
    if (lane.poison) for (let i = 0; i < POISON; i++) arena.doomed.add((await queue.enqueue(poison, {})).id)
    for (let i = 0; i < WORKERS; i++) spawnAt(i, `w${i}`)
    await Promise.all(workers.map((worker) => worker.ready.catch(() => {})))
    const breaking = lane.faults.map(async (fault) => {
      for (;;) await FAULTS[fault]?.(arena)
    })
    const broken = Promise.allSettled(breaking)
    await produce(queue, acknowledged, JOBS / 2, 200)
    const done = () => [...readLedger(ledger).keys()].filter((line) => line.startsWith('done ')).length
    await settle(done, acknowledged.size)
    calm = true
    for (const end of await broken) {
      if (end.status === 'rejected' && !(end.reason instanceof Calm)) throw end.reason
    }
    const left = await rest(redis)
    const counts = readLedger(ledger)
    const times = (id: string) => counts.get(`done ${id}`) ?? 0
    const kills = [...counts].reduce((sum, [line, n]) => sum + (line.startsWith('kill ') ? n : 0), 0)
    const lost = [...acknowledged].filter((id) => times(id) === 0 && !left.ids.has(id)).length
    const unburied = [...arena.doomed].filter((id) => !left.dead.has(id)).length
    if (left.stuck.length > 0) unexpected.push(`left behind: ${left.stuck.slice(0, 5).join(' ')}`)
    if (unburied > 0) unexpected.push(`${unburied} poison jobs or foul elements are not among the dead`)
    const innocent = left.dead.difference(arena.doomed).difference(arena.foul).size
    if (innocent > 0) unexpected.push(`${innocent} dead jobs that killed nobody`)
    const twice = [...acknowledged].reduce((sum, id) => sum + Math.max(0, times(id) - 1), 0)
    const signalled = (await readFile(log, 'utf8').catch(() => '')).split('it may run twice').length - 1
    const overrun = countOverruns([...counts.keys()], crawled.limit?.max ?? 0)
    const unfollowed = countBroken([...counts.keys()])
    if (unfollowed > 0) unexpected.push(`${unfollowed} jobs are not followed by exactly one`)
    if (left.holds > 0) unexpected.push(`${left.holds} limits are held by jobs that have ended`)
    if (lane.faults.join() === 'stop' && signalled < twice) {
      unexpected.push(`${twice} ran twice, only ${signalled} were told`)
    }
    const { counts: c } = arena
    const did = [
      ...Object.entries({ ...c, 'poison kills': kills, foul: arena.foul.size }).flatMap(([what, n]) =>
        n > 0 ? `${n} ${what}` : [],
      ),
      `${signalled} signalled`,
    ].join(', ')
    return {
      lane: lane.name,
      jobs: acknowledged.size,
      seconds: Math.round((performance.now() - started) / 100) / 10,
      did,
      lost,
      twice,
      overrun,
      mayOverrun: c.stops * CONCURRENCY,
      bound: (c.kills + c.stops + kills) * CONCURRENCY,
      stuck: left.stuck.length + unburied,
      faults: unexpected,
    }
  } finally {
    over = true
    producer.disconnect()
    for (const worker of workers) {
      expected.add(worker)
      worker.signal('SIGKILL')
      await worker.exited
    }
    await redis.remove()
    await rm(dir, { recursive: true, force: true })
  }
}

const SETTINGS = { concurrency: CONCURRENCY, leaseMs: LEASE_MS, tickMs: 250, blockMs: 2500, drainMs: 2000 }

/** Enqueues until Redis has said yes to `count` jobs of all kinds. */
async function produce(queue: Queue, acknowledged: Set<string>, count: number, pauseMs = 0): Promise<void> {
  const goal = acknowledged.size + count
  while (acknowledged.size < goal) {
    const size = Math.min(pauseMs > 0 ? 200 : 1000, goal - acknowledged.size)
    const sent = Array.from({ length: size }, (_, i) => {
      const ms = 20 + Math.random() * 60
      if (i % 10 === 0) return queue.enqueue(plain, { ms, failures: 1 })
      if (i % 10 === 1) return queue.enqueue(plain, { ms }, { delayMs: Math.random() * 2000 })
      if (i % 10 === 2) return queue.enqueue(watched, { ms }, { by: 'someone' })
      if (i % 10 === 3) return queue.enqueue(plain, { ms }, { unique: crypto.randomUUID(), urgent: true })
      if (i % 10 === 4) return queue.enqueue(mailed, { ms })
      if (i % 10 === 5) return queue.enqueue(crawled, { ms, site: `site${i % 70}` })
      if (i % 10 === 6) return queue.enqueue(link, { chain: crypto.randomUUID(), left: 3, isFirst: true })
      return queue.enqueue(plain, { ms })
    })
    // What was refused may have arrived: it does not count, and another one is sent in its place.
    for (const result of await Promise.allSettled(sent)) {
      if (result.status === 'fulfilled') acknowledged.add(result.value.id)
    }
    await Bun.sleep(pauseMs)
  }
}

/** Until as many are done as were acknowledged, or nothing has moved for a long time. */
async function settle(done: () => number, goal: number): Promise<void> {
  let seen = -1
  let since = performance.now()
  while (performance.now() - since < STILL_MS) {
    const now = done()
    if (now >= goal) return
    if (now !== seen) since = performance.now()
    seen = now
    await Bun.sleep(100)
  }
}

/** What is left in Redis when things have calmed down. */
async function rest(server: RealRedis) {
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  const queueAdmin = createQueueAdmin({ redis, prefix: PREFIX, leaseMs: LEASE_MS })
  const end = performance.now() + STILL_MS
  let stats = await queueAdmin.stats()
  while (stats.waiting + stats.running + stats.later > 0 && performance.now() < end) {
    await Bun.sleep(100)
    stats = await queueAdmin.stats()
  }
  const holds = (await redis.keys(`${PREFIX}*held:*`)).length
  const runs = await redis.keys(`${PREFIX}*run:*`)
  const orphans = await Promise.all(runs.map((key) => redis.lrange(key, 0, -1)))
  const dead = new Set((await queueAdmin.list('dead', 1, 1e6)).map((job) => job.id))
  const places = await Promise.all((['waiting', 'later'] as const).map((p) => queueAdmin.list(p, 1, 1e6)))
  const jobs = orphans.flat().map((raw) => ({ place: 'running', id: parseElement(raw)?.id ?? raw }))
  const left = [...places.flat(), ...jobs]
  const stuck = left.map((job) => `${job.place} ${job.id}`)
  const ids = new Set([...dead, ...left.map((job) => job.id)])
  redis.disconnect()
  return { stuck, dead, ids, holds }
}

/**
 * How many jobs of one site started while `max` others, which have ended as well, were running. What ran for longer than its
 * worker's lease was stopped with it, and given to another worker meanwhile.
 */
function countOverruns(ledger: string[], max: number): number {
  const runs = ledger.flatMap((line) => {
    const [what, site = '', from, to] = line.split(' ')
    const run = { site, from: Number(from), to: Number(to) }
    return what === 'crawled' && run.to - run.from < LEASE_MS / 2 ? run : []
  })
  const bySite = Map.groupBy(runs, ({ site }) => site)
  // Ends of the same millisecond came first: a job is told done before the next one starts.
  return runs.filter(({ site, from }) => {
    const beside = bySite.get(site)?.filter((other) => other.from <= from && other.to > from) ?? []
    return beside.length > max
  }).length
}

/** Links of chains that are there twice, or are not followed by the next. */
function countBroken(ledger: string[]): number {
  const ids = new Map<string, Set<string>>()
  for (const [what, place = '', id = ''] of ledger.map((line) => line.split(' '))) {
    if (what === 'link') ids.set(place, (ids.get(place) ?? new Set()).add(id))
  }
  return [...ids].filter(([place, { size }]) => {
    const [chain, left] = place.split('.')
    return size !== 1 || (left !== '0' && !ids.has(`${chain}.${Number(left) - 1}`))
  }).length
}

class Calm extends Error {}
function raise(message: string): never {
  throw new Error(message)
}

if (!hasRedisServer()) raise('test:chaos needs a redis-server on PATH (Debian: apt-get install redis-server)')
const isAsked = (name: string) => asked.some((word) => name.includes(word))
const lanes = LANES.filter((lane) => (asked.length === 0 ? !(quick && lane.long) : isAsked(lane.name)))
const outages = asked.length === 0 ? OUTAGES : OUTAGES.filter(isAsked)
console.log(`${JOBS} jobs of 20 to 80 ms, ${WORKERS} workers x ${CONCURRENCY}, lease ${LEASE_MS} ms`)
const outcomes: Outcome[] = []
for (const lane of lanes) {
  const outcome = await runLane(lane)
  outcomes.push(outcome)
  const { lost, twice, overrun, mayOverrun, bound, stuck, seconds, did, faults } = outcome
  console.log(
    `${lane.name.padEnd(24)} lost ${lost}  twice ${twice} (at most ${bound})  limits overrun ${overrun} (at most ${mayOverrun})  stuck ${stuck}  ${seconds} s  ${did}`,
  )
  for (const fault of faults) console.log(`  unexpected: ${fault}`)
}
const bad = outcomes
  .filter(
    (o) => o.lost > 0 || o.stuck > 0 || o.twice > o.bound || o.overrun > o.mayOverrun || o.faults.length > 0,
  )
  .map((o) => o.lane)
if (outages.length > 0) {
  console.log('a whole service, with clients that sign up, log in and start exports')
  await runOutages(outages, quick, ({ name, seconds, did, faults }) => {
    console.log(
      `${name.padEnd(24)} ${faults.length === 0 ? 'lost 0  stuck 0' : 'FAILED'}  ${seconds} s  ${did}`,
    )
    for (const fault of faults) console.log(`  unexpected: ${fault}`)
    if (faults.length > 0) bad.push(name)
  })
}
console.log(bad.length === 0 ? 'no job was lost' : `FAILED: ${bad.join(', ')}`)
process.exit(bad.length === 0 ? 0 : 1)
