// Lets clients follow channels: each catches up by itself with what it has missed, and then goes with all others.
import type { Redis } from 'ioredis'
import { isTransient } from '../data/transient.ts'
import type { EventStream } from '../http/event-stream.ts'
import type { Log } from '../types/log.ts'
import type { Asked } from './channel.ts'
import { BATCH, compareIds } from './event-log.ts'
import { AGAIN_MS, BROKEN_MS, type Feed, Feeds } from './feeds.ts'
import { Follower } from './follower.ts'
import { markOf, readPosition } from './position.ts'

export type Hub = ReturnType<typeof createHub>

/** Connects for the first client. */
export function createHub(options: { redis: Redis; prefix: string; log: Log }) {
  const feeds = new Feeds(options)
  const now = () => {
    const { run, at } = feeds.wakeUp
    return run === undefined ? undefined : { run, at }
  }

  /**
   * Sends what came behind the client's position, or that it is not known, until the feed can go on, and follows it from then on.
   * @param mayGoOn is asked before each read: a client that reads slowly takes minutes
   * @returns false if the stream is over, or it may not go on
   */
  async function catchUp(
    follower: Follower,
    index: number,
    feed: Feed,
    mayGoOn: () => Promise<boolean>,
  ): Promise<boolean> {
    const { stream } = follower
    let from = follower.came
    while (await mayGoOn()) {
      const run = feeds.wakeUp.run
      const read = run && (await feeds.readAfter(feed, { ...from, id: follower.idOf(index) }).catch(tolerate))
      if (!read) {
        if (await stream.wait(AGAIN_MS)) continue
        return false
      }
      if (read.isWhole) for (const event of read.events) follower.send(index, event)
      else follower.reset(index, feed.id ?? '')
      from = { run, at: Date.now() }
      const isThere = compareIds(feed.id ?? '', follower.idOf(index)) <= 0
      if (!read.isWhole || (read.events.length < BATCH && isThere)) {
        feed.followers.set(follower, index) // at once: what the feed passes on a moment later would be missed
        return true
      }
      if (!(await stream.drained())) return false
    }
    return false
  }

  /**
   * Sends the events of channels to a client until its stream is over, or it may not listen any more.
   * @param lastEventId what the client has sent as that
   * @param mayGoOn is asked every `everyMs`
   */
  async function follow(
    stream: EventStream,
    asked: readonly Asked[],
    {
      lastEventId,
      mayGoOn,
      everyMs,
    }: { lastEventId: string | undefined; mayGoOn(): Promise<boolean>; everyMs: number },
  ): Promise<void> {
    let dueAt = Date.now() + everyMs
    const mayStill = async () => {
      if (Date.now() < dueAt) return true
      dueAt = Date.now() + everyMs
      return mayGoOn()
    }
    const used = asked.map(({ key }) => feeds.use(key))
    let follower: Follower | undefined
    try {
      for (const feed of used) {
        feed.waiting.add(stream)
        while (feed.id === undefined) if (!(await stream.wait(BROKEN_MS))) return
      }
      const mark = markOf(asked.map(({ text }) => text))
      const known = lastEventId === undefined ? undefined : readPosition(lastEventId, mark, asked.length)
      const newest = { run: '', at: 0, ...now(), ids: used.map(({ id }) => id ?? '') }
      follower = new Follower(stream, asked, known ?? newest, now)
      for (const [index, feed] of used.entries()) {
        if (known !== undefined) {
          if (!(await catchUp(follower, index, feed, mayStill))) return
          continue
        }
        if (lastEventId !== undefined) follower.reset(index, feed.id ?? '')
        feed.followers.set(follower, index)
      }
      follower.beCurrent()
      while ((await stream.wait(Math.max(0, dueAt - Date.now()))) && (await mayStill()));
    } finally {
      for (const feed of used) {
        feed.waiting.delete(stream)
        if (follower) feed.followers.delete(follower)
        feeds.leave(feed)
      }
    }
  }

  return { follow, close: () => feeds.close() }
}

function tolerate(error: unknown): undefined {
  if (!isTransient(error)) throw error
}
