// Runs the loop of one queue in a worker: reconciles, takes, settles and waits, until the worker has ended or drained.
import { setImmediate as turn } from 'node:timers/promises'
import type { Bell } from './bell.ts'
import type { Connection } from './connection.ts'
import type { Fetcher } from './fetcher.ts'
import type { InFlight } from './in-flight.ts'
import type { Lifetime } from './lifetime.ts'
import type { Reaper } from './reaper.ts'

interface Parts<D> {
  id: string
  base: string
  connection: Connection
  lifetime: Lifetime
  bell: Bell
  fetcher: Fetcher<D>
  inFlight: InFlight<D>
  reaper: Reaper
}

/** Only this loop moves our jobs of this queue: at most one STEP is in flight, and a reconcile between two. */
export async function work<D>(parts: Parts<D>): Promise<void> {
  const { id, base, connection, lifetime, bell, fetcher, inFlight, reaper } = parts
  while (!lifetime.isOver) {
    if (fetcher.inDoubt) await fetcher.reconcile()
    else if (fetcher.mayStep) await fetcher.step()
    else if (inFlight.beginSuspect()) continue
    else if (lifetime.isStopping && inFlight.size === 0) break
    else if (lifetime.isStopping && inFlight.slots.isDeaf) inFlight.failDeaf()
    else {
      if (fetcher.mayPeek) fetcher.peek().catch(lifetime.fail)
      await bell.wait()
      // Jobs that end in the same turn of the event loop are settled together.
      if (inFlight.mayEnd) await turn()
    }
  }
  await inFlight.counts.fold(connection.redis, base).catch(() => {})
  await reaper.reap(id, '')
}
