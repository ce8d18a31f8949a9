// Reads each channel to which somebody in this process listens, once for all of them, whenever it has news.
import type { Redis } from 'ioredis'
import { isTransient } from '../data/transient.ts'
import type { EventStream } from '../http/event-stream.ts'
import type { Log } from '../types/log.ts'
import { BATCH, newestId, readAfter } from './event-log.ts'
import type { Follower, Shared } from './follower.ts'
import { openWakeUp, type WakeUp } from './wake-up.ts'

/** What cannot be read while Redis is away is tried again so often. */
export const AGAIN_MS = 500
/** And what cannot be read for another reason. */
export const BROKEN_MS = 10_000

/** One channel. */
export class Feed {
  /** Of its newest event; undefined until it is known. */
  id: string | undefined
  run = ''
  at = 0
  /** Who has caught up, and under which number each has the channel. */
  readonly followers = new Map<Follower, number>()
  /** Until its id is known. */
  readonly waiting = new Set<EventStream>()
  /** Who counts on it, those included who still catch up. */
  users = 0
  isReading = false
  isAskedAgain = false

  constructor(readonly key: string) {}
}

export class Feeds {
  #feeds = new Map<string, Feed>()
  #wakeUp: WakeUp | undefined

  constructor(readonly options: { redis: Redis; prefix: string; log: Log }) {}

  /** The connection that is woken, and reads. The first who asks connects it. */
  get wakeUp(): WakeUp {
    const { redis, prefix } = this.options
    return (this.#wakeUp ??= openWakeUp(redis, prefix, {
      news: (key) => void this.#wake(this.#feeds.get(key)),
      back: async () => {
        for (const feed of this.#feeds.values()) await this.#wake(feed)
      },
    }))
  }

  close(): void {
    this.#wakeUp?.close()
  }

  /** The feed of a channel, which is read until as many have left it. */
  use(key: string): Feed {
    const feed = this.#feeds.get(key) ?? new Feed(key)
    this.#feeds.set(key, feed)
    feed.users++
    void this.#wake(feed)
    return feed
  }

  leave(feed: Feed): void {
    if (--feed.users === 0) this.#feeds.delete(feed.key)
  }

  async #wake(feed: Feed | undefined): Promise<void> {
    if (feed === undefined) return
    feed.isAskedAgain = true
    if (feed.isReading) return
    feed.isReading = true
    try {
      while (feed.isAskedAgain && this.wakeUp.run !== undefined && feed.users > 0) {
        feed.isAskedAgain = false
        await this.#read(feed, this.wakeUp.run)
      }
    } catch (error) {
      const isPassing = isTransient(error)
      if (!isPassing)
        this.options.log.error('a channel cannot be read; trying again', { channel: feed.key, error })
      setTimeout(() => void this.#wake(feed), isPassing ? AGAIN_MS : BROKEN_MS)
    } finally {
      feed.isReading = false
    }
  }

  async #read(feed: Feed, run: string): Promise<void> {
    const { redis, at } = this.wakeUp
    const newest = () => newestId(redis, this.options.prefix, feed.key)
    if (feed.id === undefined) {
      feed.id = await newest()
      for (const stream of feed.waiting) stream.wake()
    } else {
      const { events, isWhole } = await this.readAfter(feed, {
        run: feed.run,
        at: Math.max(feed.at, at),
        id: feed.id,
      })
      if (isWhole) {
        for (const event of events) {
          const shared: Shared = {}
          for (const [follower, index] of feed.followers) follower.send(index, event, shared)
          feed.id = event.id
        }
      } else {
        feed.id = await newest()
        for (const [follower, index] of feed.followers) follower.reset(index, feed.id)
      }
      feed.isAskedAgain ||= events.length === BATCH
    }
    Object.assign(feed, { run, at: Date.now() })
  }

  readAfter(feed: Feed, from: { run: string; at: number; id: string }) {
    const { redis } = this.wakeUp
    return readAfter(redis, this.options.prefix, feed.key, from, () => this.wakeUp.run ?? '')
  }
}
