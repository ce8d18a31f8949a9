// Keeps the last events of each channel in a Redis stream, and tells whether something is missing between two reads.
import type { Redis } from 'ioredis'

/** Events of one channel that are kept at most. */
export const KEPT_EVENTS = 500
/** How long after the last one, in ms, its events are kept. */
export const KEPT_MS = 10 * 60_000
/** Redis keeps them longer, so that clocks may differ. */
const SLACK_MS = 60_000
/** A longer event is refused: send what it is about, and let clients ask for the rest. */
export const MAX_EVENT_BYTES = 8 * 1024
/** Events that are read at a time: all of them fit into what may wait for a client. */
export const BATCH = 25

/** Before every event. */
export const START = '0-0'

/** KEYS: the stream; what says that it was told already, if it has a name. ARGV: the event, events and ms to keep, whom to wake, by which text. */
const APPEND = `
if KEYS[2] and not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[3]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`

/** The braces keep both keys of a channel in one slot. */
const streamOf = (prefix: string, key: string) => `${prefix}channel:{${key}}`

/** Where processes are woken by the key of a channel. */
export const wakeOf = (prefix: string) => `${prefix}channels`

/**
 * Appends an event and wakes the processes, both or neither.
 * @param once with a name of it, what was told by it in the last minutes is not told again
 */
export async function append(
  redis: Redis,
  prefix: string,
  { key, text, once }: { key: string; text: string; once?: string },
): Promise<void> {
  const stream = streamOf(prefix, key)
  const keys = once === undefined ? [stream] : [stream, `${stream}:${once}`]
  const args = [text, KEPT_EVENTS, KEPT_MS + SLACK_MS, wakeOf(prefix), key]
  await redis.eval(APPEND, keys.length, ...keys, ...args)
}

export interface LoggedEvent {
  id: string
  /** One line of JSON. */
  text: string
}

/** How far a channel was read: which run of Redis, until when, and the last event. */
export interface ReadTo {
  run: string
  at: number
  id: string
}

/**
 * Reads the next events behind a position, `BATCH` at most.
 * @param run of Redis at the moment of the reply
 * @returns `isWhole: false` if events between may be lost: they were too many or too old, or Redis has lost them
 */
export async function readAfter(redis: Redis, prefix: string, key: string, from: ReadTo, run: () => string) {
  const stream = streamOf(prefix, key)
  // What is asked last tells of what was asked first: had something been cut off before, it would show.
  const [events, length, first] = await commands(
    redis
      .pipeline()
      .xrange(stream, `(${from.id}`, '+', 'COUNT', BATCH)
      .xlen(stream)
      .xrange(stream, '-', '+', 'COUNT', 1),
  )
  const read = (events as Entry[]).map(([id, [, text]]) => ({ id, text }))
  const oldest = (first as Entry[])[0]?.[0]
  // Redis cuts off the oldest: an event at or before this position says that all behind it are there.
  const reachesBack = oldest !== undefined && compareIds(oldest, from.id) <= 0
  const isRecent = (length as number) < KEPT_EVENTS && Date.now() - from.at < KEPT_MS
  return { events: read, isWhole: run() === from.run && (reachesBack || isRecent) }
}

/** The id of the newest event; that before all if there is none. */
export async function newestId(redis: Redis, prefix: string, key: string): Promise<string> {
  const [newest] = (await redis.xrevrange(streamOf(prefix, key), '+', '-', 'COUNT', 1)) as Entry[]
  return newest?.[0] ?? START
}

type Entry = [id: string, fields: [string, string]]

async function commands(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? []
  const failed = replies.find(([error]) => error)?.[0]
  if (failed) throw failed
  return replies.map(([, reply]) => reply)
}

/** As the ids of Redis are ordered. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number)
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number)
  return aMs - bMs || aSeq - bSeq
}
