// What the queue benchmark measures, each on an empty Redis.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Redis } from 'ioredis'
import type { Contestant } from './contestant.ts'

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))
const ENQUEUE_MS = 1000
const WARM_UP_MS = 200
/** For one measure. */
const PATIENCE_MS = 60_000
const IDLE_JOBS = 300
const IDLE_WARM_UP = 50

interface Arena {
  url: string
  admin: Redis
}

/** Figures by what they are of, with their unit. */
export type Measure = (contestant: Contestant, arena: Arena) => Promise<Record<string, number>>

const enqueueing: Measure = async (contestant, { url, admin }) => {
  const producer = await contestant.producer(url)
  const single = (i: number) => producer.enqueue(i)
  const hundred = (i: number) => Promise.all(Array.from({ length: 100 }, (_, j) => producer.enqueue(i + j)))
  const bulk = (i: number) => producer.bulk(i, 1000)
  try {
    const figures: Record<string, number> = {}
    for (const [what, jobs, act] of [
      ['one at a time', 1, single],
      ['100 at a time', 100, hundred],
      ['in bulks of 1000', 1000, bulk],
    ] as const) {
      await jobsPerSecond(WARM_UP_MS, jobs, act)
      figures[`enqueue ${what}, jobs/s`] = await jobsPerSecond(ENQUEUE_MS, jobs, act)
      await admin.flushall()
    }
    return figures
  } finally {
    await producer.close()
  }
}

async function jobsPerSecond(
  ms: number,
  jobs: number,
  act: (i: number) => Promise<unknown>,
): Promise<number> {
  const since = performance.now()
  for (let done = 0; ; done += jobs) {
    const taken = performance.now() - since
    if (taken >= ms) return (done / taken) * 1000
    await act(done)
  }
}

const memory: Measure = async (contestant, { url, admin }) => {
  const producer = await contestant.producer(url)
  try {
    await producer.bulk(0, 1000)
    const before = await info(admin, 'used_memory')
    for (let i = 1; i <= 20; i++) await producer.bulk(i * 1000, 1000)
    const used = (await info(admin, 'used_memory')) - before
    return { 'memory of a waiting job, bytes': used / 20_000 }
  } finally {
    await producer.close()
  }
}

const processing =
  (workers: number, concurrency: number): Measure =>
  async (contestant, { url, admin }) => {
    // About a second for each.
    const most = /MQ/.test(contestant.name) ? 15_000 : concurrency === 10 ? 50_000 : 120_000
    const jobs = concurrency === 1 ? 5000 : most
    const producer = await contestant.producer(url)
    for (let i = 0; i < jobs; i += 1000) await producer.bulk(i, 1000)
    await producer.close()
    const processes = Array.from({ length: workers }, () => startWorkerProcess(contestant, url, concurrency))
    await Promise.all(processes.map((worker) => worker.ready))
    const cpu = await cpuSeconds(admin)
    for (const worker of processes) worker.go()
    const count = () => processes.reduce((sum, { done }) => sum + done().count, 0)
    for (const since = performance.now(); count() < jobs; await Bun.sleep(20)) {
      if (performance.now() - since > PATIENCE_MS)
        throw new Error(`${contestant.name} ran ${count()} of ${jobs} jobs`)
    }
    const used = (await cpuSeconds(admin)) - cpu
    await Promise.all(processes.map((worker) => worker.stop()))
    const active = processes.map((worker) => worker.done()).filter((done) => done.count > 0)
    const ms = Math.max(...active.map((done) => done.last)) - Math.min(...active.map((done) => done.first))
    const which = `${workers} worker${workers > 1 ? 's' : ''}, concurrency ${concurrency}`
    return {
      [`process, ${which}, jobs/s`]: (jobs / ms) * 1000,
      ...(workers === 1 && {
        [`CPU of a job in Redis, ${which}, µs`]: (used / jobs) * 1e6,
        [`CPU of a job in the worker, ${which}, µs`]: active.reduce((sum, one) => sum + one.cpu, 0) / jobs,
      }),
    }
  }

/** From the call of enqueue to the start of the task, in a worker that has nothing to do. */
const latency = async (contestant: Contestant, { url }: Arena): Promise<Record<string, number>> => {
  // The raw loop polls: its latency would be that of its pause.
  if (contestant.name === 'raw') return {}
  const producer = await contestant.producer(url)
  let started = Promise.withResolvers<number>()
  const worker = await contestant.work(url, 10, () => started.resolve(performance.now()))
  const taken: number[] = []
  for (let i = 0; i < IDLE_WARM_UP + IDLE_JOBS; i++) {
    await Bun.sleep(5 + Math.random() * 10)
    started = Promise.withResolvers<number>()
    const since = performance.now()
    await producer.enqueue(i)
    taken.push((await started.promise) - since)
  }
  await worker.stop()
  await producer.close()
  const sorted = taken.slice(IDLE_WARM_UP).toSorted((a, b) => a - b)
  const percentile = (p: number) => sorted[Math.floor(sorted.length * p)] ?? NaN
  return { 'idle latency, p50, ms': percentile(0.5), 'idle latency, p99, ms': percentile(0.99) }
}

const throughput = (workers: number[]) =>
  workers.flatMap((n) => [1, 10, 50].map((concurrency) => processing(n, concurrency)))

export const MEASURES: Measure[] = [enqueueing, memory, ...throughput([1, 2]), latency]
export const KEYED_MEASURES: Measure[] = [memory, ...throughput([1, 2])]

/** Jobs so far, Unix ms of the first and the last one, µs of processor time. */
interface Done {
  count: number
  first: number
  last: number
  cpu: number
}

function startWorkerProcess({ name }: Contestant, url: string, concurrency: number) {
  const args = ['--no-orphans', WORKER, name, url, String(concurrency)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let done: Done = { count: 0, first: 0, last: 0, cpu: 0 }
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => {
    if (line.startsWith('{')) done = JSON.parse(line)
  })
  return {
    ready: Promise.race([
      once(lines, 'line'),
      exited.then(([code]) => Promise.reject(new Error(`a worker of ${name} ended with ${code}`))),
    ]),
    done: () => done,
    go: () => child.stdin.write('go\n'),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function info(admin: Redis, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:(\\S+)`, 'm').exec(await admin.info())?.[1])
}

async function cpuSeconds(admin: Redis): Promise<number> {
  return (await info(admin, 'used_cpu_user')) + (await info(admin, 'used_cpu_sys'))
}
