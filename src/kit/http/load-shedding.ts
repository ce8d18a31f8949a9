// Load shedding: how many requests a route has under way has a bound, and refusals cost little whoever asks how often.
import { routePath } from 'hono/route'
import { BusyError } from '../data/gate.ts'
import { driverCode } from '../data/transient.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** Refusals that go out at once, in each second. Who is refused then has not waited for Retry-After, or is one of many. */
const AT_ONCE = 500
const HOLD_MS = 1000

/**
 * Refuses a request with 503 and Retry-After while its route has so many others under way, before its session is opened and
 * its body is read. By route, so that one that stands still leaves the others alone. A stream counts until it begins.
 * Where refusals become many, these and those of every gate are held for a second: clients that ask again at once would
 * take the processor from what is to be answered.
 * @param most requests of a route that are under way in this process
 */
export function shedLoad(most: number) {
  const underWay = new Map<string, number>()
  let refusals = 0
  let since = 0

  async function hold(): Promise<void> {
    const now = performance.now()
    if (now - since > 1000) [since, refusals] = [now, 0]
    if (++refusals > AT_ONCE) await new Promise((resolve) => setTimeout(resolve, HOLD_MS))
  }

  const handler = middleware(async (c, next) => {
    const route = `${c.req.method} ${routePath(c, -1)}`
    const others = underWay.get(route) ?? 0
    if (others >= most) {
      await hold()
      throw new BusyError(`${others} requests are under way on this route`)
    }
    underWay.set(route, others + 1)
    try {
      await next()
    } finally {
      underWay.set(route, (underWay.get(route) ?? 1) - 1)
    }
    if (c.error !== undefined && driverCode(c.error) === 'BUSY') await hold()
  })
  return tag(handler, { others: [503] })
}
