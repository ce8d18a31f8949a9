// Shows operators which keys of limited tasks have jobs that wait for their turn.
import type { Redis } from 'ioredis'
import { attempt } from '../types/attempt.ts'
import { knownSince, parseElement, type Gate } from './element.ts'
import { keyBase } from './scripts.ts'

/** Keys of one queue that are looked at, however many there are, and those of all queues that are shown. */
const LOOKED_AT = 500
const SHOWN = 50

export interface LimitView {
  queue: string
  task: string
  key: string
  waiting: number
  running: number
  /** The most that run at once, and starts within so many ms, as the first in line has it. */
  max: number | undefined
  rate: Gate['r'] | undefined
  /** From when the first in line waits, Unix ms. */
  since: number | undefined
}

/** Those with the most jobs that wait, and how many keys there are. */
export async function readLimits(redis: Redis, prefix: string, queues: readonly string[]) {
  const all = await Promise.all(queues.map((queue) => readQueue(redis, keyBase(prefix, queue), queue)))
  const found = all.flatMap(({ limits }) => limits).toSorted((a, b) => b.waiting - a.waiting)
  return { keys: all.reduce((sum, { keys }) => sum + keys, 0), limits: found.slice(0, SHOWN) }
}

async function readQueue(redis: Redis, base: string, queue: string) {
  const ask = async (commands: [string, string, ...number[]][]): Promise<unknown[]> =>
    ((await redis.pipeline(commands).exec()) ?? []).map(([, reply]) => reply)
  const [count, first] = await ask([
    ['zcard', `${base}parks`],
    ['zrange', `${base}parks`, 0, LOOKED_AT - 1],
  ])
  const keys = Array.isArray(first) ? first.map(String) : [] // of another type it is somebody else's
  const counts = await ask(
    keys.flatMap((key) => [
      ['llen', `${base}park:${key}`],
      ['scard', `${base}held:${key}`],
    ]),
  )
  const most = keys
    .map((key, i) => ({ key, waiting: Number(counts[2 * i]) || 0, running: Number(counts[2 * i + 1]) || 0 }))
    .filter(({ waiting }) => waiting > 0)
    .toSorted((a, b) => b.waiting - a.waiting)
    .slice(0, SHOWN)
  const heads = await ask(most.map(({ key }) => ['lindex', `${base}park:${key}`, 0]))
  const limits = most.map(({ key: name, ...numbers }, i): LimitView => {
    const { gate, since } = parseElement(String(heads[i])) ?? {}
    const at = name.lastIndexOf(':')
    const key = decoded(name.slice(at + 1))
    return {
      queue,
      task: name.slice(0, Math.max(0, at)),
      key,
      ...numbers,
      max: gate?.m,
      rate: gate?.r,
      since: knownSince(since),
    }
  })
  return { keys: Number(count) || 0, limits }
}

const decoded = (key: string): string => attempt(() => decodeURIComponent(key)) ?? key
