// The queue benchmark: this project, BullMQ, and the raw commands of Redis, in turn in one run, medians of the rounds.
//   npm run bench:queue [-- rounds]
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { hasRedisServer, startRedis } from '../../../test/jobs/real-redis.ts'
import type { Contestant } from './contestant.ts'
import { CONTESTANTS } from './contestants.ts'

const ROUNDS = Math.max(5, Number(process.argv[2] ?? 5))
const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))

// The embedded Redis is for development: its figures would mean nothing.
if (!hasRedisServer())
  throw new Error('bench:queue needs a redis-server on PATH (Debian: apt-get install redis-server)')
const server = await startRedis(['--appendfsync', 'everysec'])
const admin = new Redis(server.url)

/** Figures by measure and contestant. */
const figures = new Map<string, Map<string, number[]>>()
function note(measure: string, { name }: Contestant, value: number): void {
  const row = figures.get(measure) ?? new Map<string, number[]>()
  figures.set(measure, row)
  row.set(name, [...(row.get(name) ?? []), value])
}

const perSecond = (jobs: number, since: number) => (jobs / (performance.now() - since)) * 1000
const info = async (section: string, field: string) =>
  Number(new RegExp(`${field}:(\\S+)`).exec(await admin.info(section))?.[1])
const redisCpu = async () => (await info('cpu', 'used_cpu_user')) + (await info('cpu', 'used_cpu_sys'))

async function enqueueing(contestant: Contestant): Promise<void> {
  await admin.flushall()
  const producer = await contestant.producer(server.url)
  for (let i = 0; i < 300; i++) await producer.enqueue(i)
  let since = performance.now()
  for (let i = 0; i < 3000; i++) await producer.enqueue(i)
  note('enqueue, one at a time (jobs/s)', contestant, perSecond(3000, since))
  const times = contestant.name === 'BullMQ' ? 200 : 1000
  since = performance.now()
  for (let i = 0; i < times; i++)
    await Promise.all(Array.from({ length: 100 }, (_, j) => producer.enqueue(i * 100 + j)))
  note('enqueue, 100 at a time (jobs/s)', contestant, perSecond(times * 100, since))
  await admin.flushall()
  const bulks = contestant.name === 'BullMQ' ? 20 : 200
  since = performance.now()
  for (let i = 0; i < bulks; i++) await producer.bulk(i * 1000, 1000)
  note('enqueue, bulk of 1000 (jobs/s)', contestant, perSecond(bulks * 1000, since))
  await producer.close()
}

async function memory(contestant: Contestant): Promise<void> {
  await admin.flushall()
  const producer = await contestant.producer(server.url)
  await producer.bulk(0, 1000)
  const before = await info('memory', 'used_memory')
  for (let i = 1; i <= 20; i++) await producer.bulk(i * 1000, 1000)
  note(
    'memory of a waiting job (bytes)',
    contestant,
    ((await info('memory', 'used_memory')) - before) / 20_000,
  )
  await producer.close()
}

async function processing(contestant: Contestant, workers: number, concurrency: number): Promise<void> {
  await admin.flushall()
  const slow = contestant.name === 'BullMQ'
  const jobs = (concurrency === 1 ? 6 : slow ? 15 : concurrency === 10 ? 50 : 120) * 1000
  const producer = await contestant.producer(server.url)
  for (let i = 0; i < jobs; i += 1000) await producer.bulk(i, 1000)
  await producer.close()
  const processes = Array.from({ length: workers }, () => startWorkerProcess(contestant, concurrency))
  await Promise.all(processes.map((worker) => worker.ready))
  const cpu = await redisCpu()
  for (const worker of processes) worker.go()
  const results = await Promise.all(processes.map((worker) => worker.result))
  const used = (await redisCpu()) - cpu
  const count = results.reduce((sum, r) => sum + r.count, 0)
  if (count !== jobs) throw new Error(`${contestant.name} ran ${count} of ${jobs} jobs`)
  const active = results.filter((r) => r.count > 0)
  const ms = Math.max(...active.map((r) => r.last)) - Math.min(...active.map((r) => r.first))
  const which = `${workers} worker${workers > 1 ? 's' : ''}, concurrency ${concurrency}`
  note(`process, ${which} (jobs/s)`, contestant, (count / ms) * 1000)
  if (workers === 1) note(`Redis CPU, ${which} (µs a job)`, contestant, (used / count) * 1e6)
}

function startWorkerProcess(contestant: Contestant, concurrency: number) {
  const args = ['--no-orphans', WORKER, contestant.name, server.url, String(concurrency)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ready = Promise.withResolvers<void>()
  const result = Promise.withResolvers<{ count: number; first: number; last: number }>()
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
    if (out.includes('ready\n')) ready.resolve()
    const line = out.split('\n').find((l) => l.startsWith('{'))
    if (line && out.endsWith('\n')) result.resolve(JSON.parse(line))
  })
  child.once('exit', (code) => {
    const error = new Error(`a worker of ${contestant.name} ended with ${code}`)
    ready.reject(error)
    result.reject(error)
  })
  ready.promise.catch(() => {})
  result.promise.catch(() => {})
  return { ready: ready.promise, result: result.promise, go: () => child.stdin.write('go\n') }
}

/** From the call of enqueue to the start of the task, in a worker with nothing to do. */
async function latency(contestant: Contestant): Promise<void> {
  await admin.flushall()
  const producer = await contestant.producer(server.url)
  let started = Promise.withResolvers<number>()
  const worker = await contestant.work(server.url, 10, () => started.resolve(performance.now()))
  const taken: number[] = []
  for (let i = 0; i < 350; i++) {
    await Bun.sleep(5 + Math.random() * 10)
    started = Promise.withResolvers<number>()
    const since = performance.now()
    await producer.enqueue(i)
    taken.push((await started.promise) - since)
  }
  const sorted = taken.slice(50).toSorted((a, b) => a - b)
  note('idle latency, p50 (ms)', contestant, sorted[Math.floor(sorted.length * 0.5)] ?? NaN)
  note('idle latency, p99 (ms)', contestant, sorted[Math.floor(sorted.length * 0.99)] ?? NaN)
  await worker.stop()
  await producer.close()
}

const median = (list: number[] = []) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN
const show = (n: number) =>
  n >= 1000 ? Math.round(n).toLocaleString('en') : n.toFixed(n >= 100 ? 0 : n >= 10 ? 1 : 2)

try {
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`)
    // Each measure in turn by all, so that a noisy minute is everybody's.
    for (const contestant of CONTESTANTS) await enqueueing(contestant)
    for (const contestant of CONTESTANTS) await memory(contestant)
    for (const workers of [1, 2]) {
      for (const concurrency of [1, 10, 50]) {
        for (const contestant of CONTESTANTS) await processing(contestant, workers, concurrency)
      }
    }
    for (const contestant of CONTESTANTS) if (contestant.name !== 'raw') await latency(contestant)
  }
  console.log(`Medians of ${ROUNDS} rounds, Bun ${Bun.version}, Redis ${await redisVersion()}, AOF everysec`)
  console.log(`\n| | ours | BullMQ | raw | ours / BullMQ | ours / raw |\n|---|---|---|---|---|---|`)
  for (const [measure, row] of figures) {
    const [ours, bullmq, raw] = ['ours', 'BullMQ', 'raw'].map((name) => median(row.get(name)))
    const cells = [ours, bullmq, raw, ours / bullmq, ours / raw].map((n) =>
      Number.isFinite(n) ? show(n) : '',
    )
    console.log(`| ${measure} | ${cells.join(' | ')} |`)
  }
} finally {
  admin.disconnect()
  await server.remove()
}
process.exit(0)

async function redisVersion(): Promise<string> {
  return /redis_version:(\S+)/.exec(await admin.info('server'))?.[1] ?? ''
}
