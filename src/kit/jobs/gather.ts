// Moves what an older release would not see into the places that it reads: what comes before a rollback.
import type { Redis } from 'ioredis'
import { DEFAULT_QUEUE } from '../types/queue-defaults.ts'
import { readElement } from './element.ts'
import { call } from './lua.ts'
import { crashed, drop, moveArgs, type Move } from './moves.ts'
import { addArgs } from './new-job.ts'
import { partsOf, readPart, type Found } from './places.ts'
import { readQueueNames } from './queue-names.ts'
import { ADD, keyBase, MOVE } from './scripts.ts'
import { parseStatus, status } from './status.ts'
import { UNIQUE_MS } from './task.ts'

const SLICE = 250
const PLACES = ['running', 'waiting', 'later'] as const

/**
 * Jobs of all queues, and those that wait for a limit, go to the end of the default queue, or to its delayed ones; dead ones
 * stay where they are. To be called while no worker of this release runs. Broken off half way it has moved some and lost none: call it again.
 * @returns how many
 */
export async function gather(redis: Redis, prefix: string, keepDead: number): Promise<number> {
  const target = keyBase(prefix)
  let moved = 0
  for (const queue of await readQueueNames(redis, prefix)) {
    if (queue !== DEFAULT_QUEUE) await moveTicks(keyBase(prefix, queue))
    for (const place of PLACES) {
      for (const part of await partsOf(redis, keyBase(prefix, queue), queue, place)) {
        // What older workers see as it is.
        if (queue === DEFAULT_QUEUE && !part.key.toString().startsWith('park:')) continue
        for (;;) {
          const slice = await readPart(redis, part, 0, SLICE - 1)
          if (slice.length === 0) break
          for (const job of slice) moved += await send(job)
        }
      }
    }
  }
  return moved

  /** Older workers tick all crons in the default queue: from the last tick on, wherever that was. */
  async function moveTicks(base: string): Promise<void> {
    const [ours, theirs] = [await redis.hgetall(`${target}cron`), await redis.hgetall(`${base}cron`)]
    for (const [name, tick] of Object.entries(theirs)) {
      if (Number(tick) > Number(ours[name] ?? 0)) await redis.hset(`${target}cron`, name, tick)
    }
    await redis.del(`${base}cron`)
  }

  /** Added before it is removed: under its own key and status, so that a second time adds nothing. */
  async function send({ base, key, raw, view }: Found): Promise<number> {
    const e = readElement(raw)
    const seen = e?.keep ? await redis.get(`${base}r:${e.id}`) : null
    let move: Move = { raw, to: 'back' }
    // An older worker would run it.
    if (parseStatus(seen ?? '')?.state === 'cancelled') move = drop(raw)
    else if (view.place === 'running') move = crashed(raw)
    else if (base !== target) {
      const { due } = view
      const waitMs = due === undefined ? 0 : Math.max(0, Math.round(due - Date.now()))
      const to = due === undefined ? 'back' : 'later'
      const kept = { to, due, keyMs: waitMs + UNIQUE_MS, ...(e && status(e, 'waiting', {}, waitMs)) } as const
      // One that has been begun may have let go of its key, which is another job's now.
      const isHeld = e?.key !== undefined && (await redis.get(`${base}key:${e.key}`)) === e.id
      const add = (unique: string) =>
        call(redis, ADD, target, raw, e?.id ?? '', ...addArgs({ ...kept, key: unique }))
      const isAdded = isHeld && (await add(e.key ?? '')) === e.id
      if (!isAdded) await add('')
      if (e?.keep) await redis.del(`${base}r:${e.id}`)
      move = { raw, to: 'gone', id: e?.id, key: e?.key }
    }
    return await call(redis, MOVE, base, key, 0, ...moveArgs(move, keepDead))
  }
}
