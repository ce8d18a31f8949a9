// Reads the jobs of one queue where they lie: each place is a few lists, or one zset, that are read in slices.
import type { Redis } from 'ioredis'
import { factsOf, malformed, readElement, type JobFacts } from './element.ts'
import { findElement } from './scan.ts'

export type Place = 'waiting' | 'running' | 'later' | 'dead'

/** Searched in the order in which jobs move, so that one that moves on is found further on; small places come first. */
export const SEARCHED: readonly Place[] = ['running', 'dead', 'later', 'waiting', 'running']

export interface JobView extends JobFacts {
  queue: string
  place: Place
  data: unknown
  worker?: string
  /** Unix ms at which it is due. */
  due?: number
}

/** Where jobs lie: a key under the base of a queue. */
export interface Part {
  queue: string
  base: string
  place: Place
  key: Buffer
}

export interface Found extends Part {
  /** Byte for byte: only so can it be removed. */
  raw: Buffer
  view: JobView
}

/** The keys of a place, in their order: waiting jobs before those that wait for a limit. */
export async function partsOf(redis: Redis, base: string, queue: string, place: Place): Promise<Part[]> {
  const named = (start: string, name: Buffer | string = '') => {
    return { queue, base, place, key: Buffer.concat([Buffer.from(start), Buffer.from(name)]) }
  }
  if (place === 'running') {
    const workers = await redis.zrangeBuffer(`${base}workers`, 0, '-1')
    return workers.map((worker) => named('run:', worker))
  }
  if (place !== 'waiting') return [named(place)]
  const parks = await redis.zrangeBuffer(`${base}parks`, 0, '-1').catch(() => [])
  return [named('queue'), ...parks.map((key) => named('park:', key))]
}

const nameOf = ({ base, key }: Part) => Buffer.concat([Buffer.from(base), key])

export const lengthOf = (redis: Redis, part: Part): Promise<number> =>
  part.place === 'later' ? redis.zcard(nameOf(part)) : redis.llen(nameOf(part))

/** A slice of a part: delayed jobs by due time, dead ones newest first, others in their order. */
export async function readPart(redis: Redis, part: Part, start: number, stop: number): Promise<Found[]> {
  const raws =
    part.place === 'later'
      ? await redis.zrangeBuffer(nameOf(part), start, String(stop))
      : await redis.lrangeBuffer(nameOf(part), start, stop)
  return await Promise.all(raws.map((raw) => found(redis, part, raw)))
}

/** Looks a piece at a time: a job that moves meanwhile may be missed. */
export async function findInPart(redis: Redis, part: Part, id: string): Promise<Found | undefined> {
  // In the hands of a worker are only few, and they move all the time.
  if (part.place === 'running') return (await readPart(redis, part, 0, -1)).find(({ view }) => view.id === id)
  const raw = await findElement(redis, part.base, part.key, id)
  return raw && (await found(redis, part, raw))
}

async function found(redis: Redis, part: Part, raw: Buffer): Promise<Found> {
  const { queue, place, key } = part
  const score = place === 'later' ? await redis.zscore(nameOf(part), raw) : null
  const e = readElement(raw) ?? malformed(raw)
  const about = { ...factsOf(e), queue, place, data: e.malformed ?? e.data }
  const worker = place === 'running' ? { worker: String(key.subarray('run:'.length)) } : {}
  return { ...part, raw, view: { ...about, ...worker, ...(score !== null && { due: Number(score) }) } }
}
