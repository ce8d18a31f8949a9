// Redis Sentinel and Cluster under load: a master that is killed, frozen or cut off, and slots that move. Prints what it costs.
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { checkRedis } from '../../../scripts/doctor/redis.ts'
import { settings } from '../../../src/config.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { isTransient } from '../../../src/kit/data/transient.ts'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { createQueue } from '../../../src/kit/jobs/queue.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { silent } from '../../kit/support/log.ts'
import { expectContract, identityOf, sessionsOn } from '../../kit/support/redis-contract.ts'
import { until } from '../../kit/support/until.ts'
import { log } from '../step.ts'
import { ask, type RedisSet, type Server, startCluster, startSentinels } from './redis-sets.ts'

const PREFIX = 'machines:'
const QUEUE = `${keyBase(PREFIX)}queue`
const SESSIONS = 60

let set: RedisSet | undefined
afterEach(() => {
  set?.remove()
  set = undefined
})

/** Opens sessions and enqueues jobs while `breakIt` does its work, until both go on. @returns jobs that were lost */
async function underLoad(what: string, { url }: RedisSet, breakIt: () => Promise<void>): Promise<number> {
  const redis = connectRedis(url, { log: silent })
  await redis.connect()
  const sessions = sessionsOn(redis, PREFIX)
  const tokens = await Promise.all(
    Array.from({ length: SESSIONS }, () => sessions.create(identityOf(crypto.randomUUID()))),
  )
  const done = new Set<number>()
  const task = defineTask({
    name: 'count',
    input: z.object({ n: z.number() }),
    run: ({ n }) => void done.add(n),
  })
  // Nobody takes it meanwhile: what is lost of these was lost by Redis.
  const kept = defineTask({ name: 'kept', input: z.object({ n: z.number() }), run() {} })
  const queue = createQueue({ redis, prefix: PREFIX, maxBytes: 1000 })
  const worker = startWorker({
    redis,
    prefix: PREFIX,
    id: crypto.randomUUID(),
    tasks: [task, kept],
    deps: {},
    log: silent,
  })
  await worker.ready

  const acknowledged: number[] = []
  const foreign: unknown[] = []
  let [asked, failed, gone, isOver, next, keptJobs] = [0, 0, 0, false, 0, 0]
  const seen = { session: [0, performance.now()], job: [0, performance.now()], kept: [0, 0] }
  const attempt = async (kind: keyof typeof seen, act: () => Promise<void>) => {
    asked++
    try {
      await act()
      const [gap = 0, last = 0] = seen[kind]
      seen[kind] = [Math.max(gap, performance.now() - last), performance.now()]
    } catch (error) {
      failed++
      if (!isTransient(error)) foreign.push(error)
      await Bun.sleep(20)
    }
  }
  const clients = Array.from({ length: 8 }, async (_, client) => {
    while (!isOver) {
      const token = tokens[(client * 7 + asked) % SESSIONS] ?? ''
      await attempt('session', async () => void (gone += (await sessions.open(token)) === null ? 1 : 0))
      await attempt('job', async () => {
        const n = next++
        await queue.enqueue(task, { n })
        acknowledged.push(n)
      })
      await attempt('kept', async () => {
        await queue.enqueue(kept, { n: next }, { delayMs: 3_600_000 })
        keptJobs++
      })
      await Bun.sleep(2)
    }
  })
  await Bun.sleep(500)
  await breakIt()
  // Both go on: every session can be opened again, and a job is taken.
  await until('all sessions', () =>
    Promise.all(tokens.map((token) => sessions.open(token))).then(
      () => true,
      () => false,
    ),
  )
  const marker = next
  await until('new jobs', () => [...done].some((n) => n > marker))
  isOver = true
  await Promise.all(clients)
  const before = () => acknowledged.filter((n) => !done.has(n)).length
  // The rest of what is there is done when nothing moves any more.
  let [left, still] = [before(), 0]
  await until('the rest', async () => {
    await Bun.sleep(100)
    still = before() === left ? still + 1 : 0
    left = before()
    return left === 0 || still > 100
  })
  const admin = createQueueAdmin({ redis, prefix: PREFIX })
  const { later } = await until('the jobs for later', () => admin.stats().catch(() => undefined))
  const seconds = (ms = 0) => (ms / 1000).toFixed(1)
  log(
    `${what}: ${asked} asked, ${failed} refused, ${seconds(seen.session[0])} s without a session, ` +
      `${seconds(seen.job[0])} s without a job; ${acknowledged.length} jobs acknowledged, ${left} lost; ${keptJobs} for later, ${Math.max(0, keptJobs - later)} lost; ${gone} answers without a session`,
  )
  expect(foreign).toEqual([])
  await worker.stop()
  await closeRedis(redis)
  return left
}

const kill = (server: Server) => void process.kill(server.process.pid ?? 0, 'SIGKILL')
const freeze = (server: Server) => void process.kill(server.process.pid ?? 0, 'SIGSTOP')
const cut = (server: Server) => server.machine.cut()
/** It goes on for those who ask it, and none of the others reaches it: what it takes from now on is lost. */
async function part(server: Server, here: RedisSet): Promise<void> {
  for (const { machine } of here.servers)
    if (machine !== server.machine)
      for (const way of [
        ['INPUT', '-s'],
        ['OUTPUT', '-d'],
      ])
        server.machine.run('iptables', '-A', ...way, machine.address, '-j', 'DROP')
  await until(
    'another master',
    async () => (await here.primaryOf(QUEUE, server).catch(() => server)) !== server,
  )
}

const SAFE = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2']
const OPEN: string[] = []

for (const [name, start] of [
  ['Sentinel', startSentinels],
  ['Cluster', startCluster],
] as const) {
  test(`${name} does all that the service asks of Redis`, async () => {
    set = await start()
    await expectContract(set.url, 'contract:')
    const findings = await checkRedis(
      settings.load({ REDIS_URL: set.url, DATABASE_URL: 'postgres://nowhere/x' }),
    )
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([])
    expect(findings.find(({ check }) => check === 'Redis replicas')?.found).toContain('one takes over')
  })

  for (const [how, breakIt] of [
    ['killed', kill],
    ['frozen', freeze],
    ['cut off', cut],
  ] as const)
    test(`${name}, its master ${how}: the service goes on`, async () => {
      const here = (set = await start())
      await underLoad(`${name}, its master ${how}`, here, async () => breakIt(await here.primaryOf(QUEUE)))
    })

  // With one replica for each master, the one that takes over has none, and takes no writes until the other is back.
  const withTwoReplicas = (settings: string[]) =>
    name === 'Cluster' ? startCluster(settings, undefined, 2) : startSentinels(settings)
  for (const [how, breakIt] of [
    ['killed', kill],
    ['parted from the others, and not from its clients', part],
  ] as const)
    for (const [what, settings] of [
      ['', OPEN],
      [', min-replicas-to-write 1', SAFE],
    ] as const) {
      const title = `${name}, two replicas, its master ${how}${what}`
      test(`${title}: the service goes on`, async () => {
        const here = (set = await withTwoReplicas(settings))
        await underLoad(title, here, async () => breakIt(await here.primaryOf(QUEUE), here))
      })
    }
}

test('Cluster, its slots moved to other servers: nothing is lost', async () => {
  const here = (set = await startCluster())
  const lost = await underLoad('Cluster, slots moved', here, async () => {
    const from = await here.primaryOf(QUEUE)
    const others = here.servers.filter((one) => one !== from && ask(one, 'role').startsWith('master'))
    const idOf = (server: Server) => ask(server, 'cluster', 'myid').trim()
    const [to] = others
    if (!to) throw new Error('no other master')
    const how = [
      '--cluster-from',
      idOf(from),
      '--cluster-to',
      idOf(to),
      '--cluster-slots',
      '6000',
      '--cluster-yes',
    ]
    const moving = from.machine.start([
      'redis-cli',
      '--cluster',
      'reshard',
      `${from.machine.address}:6379`,
      ...how,
    ])
    await new Promise((end) => moving.once('exit', end))
  })
  expect(lost).toBe(0)
})
