// A worker as a process of its own, for tests that kill, stop and drain it: what src/worker.ts is, on a tiny scale.
import { appendFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { z } from 'zod'
import type { Log, LogFields } from '../../../src/kit/types/log.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import type { WorkerOptions } from '../../../src/kit/jobs/options.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'

/** What the process is told, as JSON in its first argument. */
export type ProcessOptions = { url: string; ledger: string; log?: string } & Pick<
  WorkerOptions<Ledger>,
  | 'prefix'
  | 'id'
  | 'concurrency'
  | 'leaseMs'
  | 'tickMs'
  | 'drainMs'
  | 'graceMs'
  | 'maxJobs'
  | 'blockMs'
  | 'keepDead'
>

/** Where a job writes down that it is done, in a way that a SIGKILL right after does not undo. */
export interface Ledger {
  write(line: string): void
}

const backoff = { minMs: 200, maxMs: 2000 }

const Work = z.object({ ms: z.number(), failures: z.number().optional() })
const work = async (input: z.output<typeof Work>, job: { id: string; attempt: number }, ledger: Ledger) => {
  await Bun.sleep(input.ms)
  if (job.attempt <= (input.failures ?? 0)) throw new Error('told to fail')
  ledger.write(`done ${job.id}`)
}
/** Takes its time, and fails as often as it is told. */
export const plain = defineTask({ name: 'work', input: Work, backoff, attempts: 20, run: work })
/** The same with a status for its owner. */
export const watched = defineTask({
  name: 'watched',
  input: Work,
  backoff,
  attempts: 20,
  keepResultMs: 600_000,
  run: work,
})
/** Runs until its process is told to stop. */
export const lasting = defineTask({
  name: 'lasting',
  input: z.object({}),
  async run(_input, job, ledger: Ledger) {
    const told = Promise.withResolvers<void>()
    process.once('SIGTERM', () => told.resolve())
    ledger.write(`begun ${job.id}`)
    await told.promise
    ledger.write(`done ${job.id}`)
  },
})
/** Is followed by the next link of its chain. */
export const link = defineTask({
  name: 'link',
  input: z.object({ chain: z.string(), left: z.number(), isFirst: z.boolean().optional() }),
  run: async ({ chain, left, isFirst }, job, ledger: Ledger) => {
    await Bun.sleep(20)
    ledger.write(`link ${chain}.${left} ${job.id}`)
    if (isFirst) ledger.write(`done ${job.id}`)
    if (left > 0) job.next(link, { chain, left: left - 1 })
  },
})
/** The same in a queue of its own. */
export const mailed = defineTask({
  name: 'mailed',
  queue: 'mail',
  input: Work,
  backoff,
  attempts: 20,
  run: work,
})
/** In a third one, two at once for each site; writes down from when to when, Unix ms. */
export const crawled = defineTask({
  name: 'crawled',
  queue: 'crawl',
  input: Work.extend({ site: z.string() }),
  backoff,
  attempts: 20,
  limit: { key: ({ site }) => site, max: 2 },
  async run(input, job, ledger: Ledger) {
    const from = Date.now()
    await work(input, job, ledger)
    ledger.write(`crawled ${input.site} ${from} ${Date.now()} ${job.id}`)
  },
})
/** Takes its process with it. */
export const poison = defineTask({
  name: 'poison',
  input: z.object({}),
  run: (_input, job, ledger: Ledger) => {
    ledger.write(`kill ${job.id}`)
    process.kill(process.pid, 'SIGKILL')
    return Bun.sleep(60_000)
  },
})
/** Blocks the event loop. */
export const block = defineTask({
  name: 'block',
  input: z.object({ ms: z.number() }),
  run: ({ ms }, job, ledger: Ledger) => {
    ledger.write(`block ${job.id}`)
    Bun.sleepSync(ms)
  },
})
/** Ignores its signal. */
export const deaf = defineTask({
  name: 'deaf',
  input: z.object({ ms: z.number() }),
  timeoutMs: 100,
  attempts: 2,
  backoff: { minMs: 60_000 },
  run: ({ ms }, job, ledger: Ledger) => {
    ledger.write(`deaf ${job.id}`)
    return Bun.sleep(ms)
  },
})

if (import.meta.main) {
  const { url, ledger: path, log: logPath, ...options }: ProcessOptions = JSON.parse(process.argv[2] ?? '{}')
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      if (logPath === undefined) return
      const { error, ...rest } = fields
      appendFileSync(
        logPath,
        `${JSON.stringify({ level, message, ...rest, error: error instanceof Error ? error.message : undefined })}\n`,
      )
    }
  const log: Log = { debug: () => {}, info: () => {}, warn: line('warn'), error: line('error') }
  const ledger: Ledger = { write: (text) => appendFileSync(path, `${text}\n`) }
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  const tasks = [plain, watched, lasting, link, mailed, crawled, poison, block, deaf]
  const worker = startWorker({ redis, tasks, deps: ledger, log, ...options })
  process.on('SIGTERM', () => void worker.stop())
  worker.ready.then(
    () => process.stdout.write('ready\n'),
    () => {},
  )
  worker.ended.then(
    () => process.exit(0),
    (error) => {
      log.error('worker failed', { error })
      process.exit(1)
    },
  )
}
