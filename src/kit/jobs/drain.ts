// Ends a worker that stops: its jobs get time to end, then their signals, and then go back to the queue.
import type { Redis } from 'ioredis'
import type { InFlight } from './in-flight.ts'
import type { Lifetime } from './lifetime.ts'

/** From the signal that the time to drain is over to the requeueing. */
const LAST_CALL_MS = 500
/** From the requeueing to the end, if Redis does not answer. */
const GIVE_UP_MS = 2000

/** The loops of work.ts end the worker sooner, when nothing is left in its hands. */
export async function drain<D>(parts: {
  redis: Redis
  drainMs: number
  lifetime: Lifetime
  lanes: readonly { inFlight: InFlight<D> }[]
}): Promise<void> {
  const { redis, drainMs, lifetime } = parts
  const held = parts.lanes.map(({ inFlight }) => inFlight)
  // Nothing in hand and nobody to tell.
  if (held.every(({ size }) => size === 0) && redis.status !== 'ready') return lifetime.finish()
  await lifetime.sleep(drainMs)
  for (const jobs of held) jobs.abort(new Error('the worker stops'))
  await lifetime.sleep(LAST_CALL_MS)
  for (const jobs of held) jobs.requeue()
  await lifetime.sleep(GIVE_UP_MS)
  // Whoever finds the list will recover it.
  lifetime.finish()
}
