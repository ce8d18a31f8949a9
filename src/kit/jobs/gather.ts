// Moves what an older release would not see into the places that it reads: what comes before a rollback.
import type { Redis } from 'ioredis'
import { DEFAULT_QUEUE } from '../types/queue-defaults.ts'
import { crashed, drop, readElement, type Move } from './element.ts'
import { call, moveArgs } from './lua.ts'
import { partsOf, readPart, type Found } from './places.ts'
import { addArgs } from './queue.ts'
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
      const held = { key: e?.key, keyMs: UNIQUE_MS, ...(e && status(e, 'waiting')) }
      const args = addArgs({ to: due === undefined ? 'back' : 'later', due, ...held })
      await call(redis, ADD, target, raw, e?.id ?? '', ...args)
      if (e?.keep) await redis.del(`${base}r:${e.id}`)
      move = { raw, to: 'gone', id: e?.id, key: e?.key }
    }
    return await call(redis, MOVE, base, key, 0, ...moveArgs(move, keepDead))
  }
}
