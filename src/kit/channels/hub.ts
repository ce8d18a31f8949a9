// Passes the events of channels on to the streams of this process: each is read once, however many listen.
import type { Redis } from 'ioredis'
import { isTransient } from '../data/transient.ts'
import { encodeEvent, type EventStream } from '../http/event-stream.ts'
import type { Log } from '../types/log.ts'
import type { Asked } from './channel.ts'
import { BATCH, compareIds, type LoggedEvent, newestId, readAfter } from './event-log.ts'
import { markOf, type Position, readPosition, writePosition } from './position.ts'
import { openWakeUp, type WakeUp } from './wake-up.ts'

/** What could not be read while Redis is away is tried again so often. */
const AGAIN_MS = 500
/** And what cannot be read for another reason. */
const BROKEN_MS = 10_000

/** One channel, to all who listen here. */
interface Feed {
  key: string
  /** Undefined until it is known. */
  id: string | undefined
  run: string
  at: number
  listening: Set<Listening>
  /** Until its id is known. */
  waiting: Set<EventStream>
  /** Who counts on it, those included who still catch up. */
  users: number
  isReading: boolean
  isAskedAgain: boolean
}

/** One client. */
interface Client {
  stream: EventStream
  mark: string
  position: Position
  /** While it catches up its position is as old as that which it came with. */
  isCurrent: boolean
}

/** One channel of one client. */
interface Listening {
  client: Client
  text: string
  index: number
}

export type Hub = ReturnType<typeof createHub>

/** Connects for the first client. */
export function createHub({ redis, prefix, log }: { redis: Redis; prefix: string; log: Log }) {
  const feeds = new Map<string, Feed>()
  let wakeUp: WakeUp | undefined

  const on = {
    news: (key: string) => void wake(feeds.get(key)),
    async back() {
      for (const feed of [...feeds.values()]) await wake(feed)
    },
  }

  async function wake(feed: Feed | undefined): Promise<void> {
    if (feed === undefined) return
    feed.isAskedAgain = true
    if (feed.isReading) return
    feed.isReading = true
    try {
      while (feed.isAskedAgain && wakeUp?.run !== undefined && feed.users > 0) {
        feed.isAskedAgain = false
        await read(feed, wakeUp)
      }
    } catch (error) {
      const isPassing = isTransient(error)
      if (!isPassing) log.error('a channel cannot be read; trying again', { channel: feed.key, error })
      feed.isAskedAgain = true
      setTimeout(() => void wake(feed), isPassing ? AGAIN_MS : BROKEN_MS)
    } finally {
      feed.isReading = false
    }
  }

  async function read(feed: Feed, { redis: reader, run, at }: WakeUp): Promise<void> {
    if (run === undefined) return
    if (feed.id === undefined) {
      feed.id = await newestId(reader, prefix, feed.key)
      Object.assign(feed, { run, at: Date.now() })
      for (const stream of feed.waiting) stream.wake()
      return
    }
    const from = { run: feed.run, at: Math.max(feed.at, at), id: feed.id }
    const { events, isWhole } = await readAfter(reader, prefix, feed.key, from, currentRun)
    if (isWhole) {
      pass(feed, events)
      feed.isAskedAgain ||= events.length === BATCH
    } else {
      feed.id = await newestId(reader, prefix, feed.key)
      for (const listening of feed.listening) reset(listening, feed.id)
    }
    Object.assign(feed, { run, at: Date.now() })
  }

  const currentRun = () => wakeUp?.run ?? ''

  function pass(feed: Feed, events: LoggedEvent[]): void {
    for (const event of events) {
      // Most streams have one channel, and one event is then the same bytes for all of them.
      const shared = new Map<string, Uint8Array<ArrayBuffer>>()
      for (const listening of feed.listening) send(listening, event, shared)
      feed.id = event.id
    }
  }

  function send(
    { client, text, index }: Listening,
    { id, text: data }: LoggedEvent,
    shared?: Map<string, Uint8Array<ArrayBuffer>>,
  ): void {
    const { ids } = client.position
    if (compareIds(id, ids[index] ?? '') <= 0) return // caught up by itself
    ids[index] = id
    const isShared = ids.length === 1 && client.isCurrent
    const known = isShared ? shared?.get(client.mark) : undefined
    const bytes = known ?? encodeEvent({ id: positionOf(client), event: text, data })
    if (isShared) shared?.set(client.mark, bytes)
    client.stream.write(bytes)
  }

  function reset({ client, text, index }: Listening, id: string): void {
    client.position.ids[index] = id
    client.stream.write(encodeEvent({ id: positionOf(client), event: 'reset', data: JSON.stringify(text) }))
  }

  function positionOf({ position, mark, isCurrent }: Client): string {
    if (isCurrent && wakeUp?.run !== undefined) Object.assign(position, { run: wakeUp.run, at: wakeUp.at })
    return writePosition(position, mark)
  }

  /** The feed of a channel, which is read from now on; `leave` says that it is not needed any more. */
  function use(key: string): Feed {
    const feed = feeds.get(key) ?? {
      key,
      id: undefined,
      run: '',
      at: 0,
      listening: new Set(),
      waiting: new Set(),
      users: 0,
      isReading: false,
      isAskedAgain: false,
    }
    feeds.set(key, feed)
    feed.users++
    return feed
  }

  function leave(feed: Feed): void {
    if (--feed.users === 0) feeds.delete(feed.key)
  }

  /** Sends what came behind a position, or that it is not known, until the feed can go on. */
  async function catchUp(listening: Listening, feed: Feed): Promise<void> {
    const { client, index } = listening
    const { position, stream } = client
    let { run, at } = position
    for (;;) {
      const id = position.ids[index] ?? ''
      const { run: current = '', redis: reader } = wakeUp ?? {}
      const from = { run, at, id }
      const found =
        reader && current && (await readAfter(reader, prefix, feed.key, from, currentRun).catch(tolerate))
      if (!found) {
        if (await stream.wait(AGAIN_MS)) continue
        return
      }
      if (!found.isWhole) {
        reset(listening, feed.id ?? id)
        break
      }
      for (const event of found.events) send(listening, event)
      run = current
      at = Date.now()
      if (found.events.length < BATCH && compareIds(feed.id ?? '', position.ids[index] ?? '') <= 0) break
      if (!(await stream.drained())) return
    }
    feed.listening.add(listening)
  }

  function tolerate(error: unknown): undefined {
    if (!isTransient(error)) throw error
  }

  /**
   * Sends the events of channels to a client until its stream is over, or it may not listen any more.
   * @param lastEventId what the client has sent as that
   * @param mayGoOn is asked every `everyMs`
   */
  async function follow(
    stream: EventStream,
    asked: readonly Asked[],
    { lastEventId, mayGoOn, everyMs }: { lastEventId?: string; mayGoOn(): Promise<boolean>; everyMs: number },
  ): Promise<void> {
    wakeUp ??= openWakeUp(redis, prefix, on)
    const mark = markOf(asked.map(({ text }) => text))
    const used = asked.map(({ key }) => use(key))
    const listenings: Listening[] = []
    try {
      for (const feed of used) {
        feed.waiting.add(stream)
        void wake(feed)
        while (feed.id === undefined) if (!(await stream.wait(BROKEN_MS))) return
        feed.waiting.delete(stream)
      }
      const newest: Position = { run: currentRun(), at: wakeUp.at, ids: used.map(({ id }) => id ?? '') }
      const known = lastEventId === undefined ? newest : readPosition(lastEventId, mark, asked.length)
      const client: Client = { stream, mark, position: known ?? newest, isCurrent: false }
      for (const [index, { text }] of asked.entries()) listenings.push({ client, text, index })
      for (const [i, listening] of listenings.entries()) {
        const feed = used[i] as Feed
        if (lastEventId !== undefined && known !== undefined) await catchUp(listening, feed)
        else feed.listening.add(listening)
        if (known === undefined) reset(listening, feed.id ?? '')
      }
      client.isCurrent = true
      stream.heartbeat = () => encodeEvent({ id: positionOf(client) })
      stream.write(stream.heartbeat())
      while ((await stream.wait(everyMs)) && (await mayGoOn()));
    } finally {
      for (const [i, feed] of used.entries()) {
        const listening = listenings[i]
        if (listening) feed.listening.delete(listening)
        feed.waiting.delete(stream)
        leave(feed)
      }
    }
  }

  return { follow, close: () => wakeUp?.close() }
}
