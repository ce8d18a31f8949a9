// Publishes events: at once, or when a transaction has committed.
import { is } from 'drizzle-orm'
import { PgDatabase } from 'drizzle-orm/pg-core'
import type { Redis } from 'ioredis'
import { z } from 'zod'
import type { KitDeps } from '../deps.ts'
import { InputError, parseFor } from '../jobs/input.ts'
import { defineTask } from '../jobs/task.ts'
import type { Db } from '../types/db.ts'
import { type AnyChannel, type Channel, keyOf } from './channel.ts'
import { append, MAX_EVENT_BYTES } from './event-log.ts'

/** What an event takes to be told, besides its channel. */
type Told<C extends AnyChannel> = [channel: C, params: z.output<C['params']>, event: z.input<C['event']>]

export interface Publish {
  /**
   * Resolves when Redis has the event, and rejects if it is away: then nobody is told.
   * @throws InputError for an event that its schema refuses, or that is longer than 8 KB as JSON
   */
  <C extends AnyChannel>(...told: Told<C>): Promise<void>
  /** In a transaction: it is told within a second after the commit, in the order of the transaction, or not at all. */
  <C extends AnyChannel>(tx: Db, ...told: Told<C>): Promise<void>
  /** Of an event that a transaction has published: what was told once by this name is not told again. */
  once(this: void, name: string, event: { key: string; text: string }): Promise<void>
}

/** Tells what was published in a transaction: those of one channel one after the other, each once. */
export const tellChannel = defineTask({
  name: 'tellChannel',
  input: z.object({ key: z.string(), text: z.string() }),
  limit: { key: ({ key }) => key, max: 1 },
  backoff: { minMs: 200, maxMs: 10_000 },
  run: (event, job, { publish }: { publish: Publish }) => publish.once(job.id, event),
})

export function createPublish(redis: Redis, prefix: string, enqueue: KitDeps['enqueue']): Publish {
  async function publish(first: Db | AnyChannel, ...rest: unknown[]): Promise<void> {
    if (!isDatabase(first)) return append(redis, prefix, eventOf(...([first, ...rest] as Told<AnyChannel>)))
    await enqueue(first, tellChannel, eventOf(...(rest as Told<AnyChannel>)))
  }
  const once: Publish['once'] = (name, event) => append(redis, prefix, { ...event, once: name })
  // What the two signatures check for the caller is put back together inside.
  return Object.assign(publish as Publish, { once })
}

const isDatabase = (first: unknown): first is Db => is(first, PgDatabase)

function eventOf(channel: Channel | AnyChannel, params: object, event: unknown) {
  const key = keyOf(channel, { ...params })
  const parsed = parseFor(`channel "${channel.name}"`, 'event', channel.event, event)
  const text = JSON.stringify(parsed) ?? 'null'
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= MAX_EVENT_BYTES) return { key, text }
  throw new InputError(
    `channel "${channel.name}" refuses its event: ${bytes} bytes, at most ${MAX_EVENT_BYTES} are allowed; send the id of what is large`,
  )
}
