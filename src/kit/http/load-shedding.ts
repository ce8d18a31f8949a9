// Sheds load: bounds the requests in flight per route, and keeps refusals cheap however fast clients retry.
import { routePath } from 'hono/route'
import { BusyError } from '../data/gate.ts'
import { driverCode } from '../data/transient.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** Refusals per second that are sent at once. Beyond it clients are many, or ignore Retry-After. */
const PROMPT_REFUSALS = 500
const HOLD_MS = 1000

/**
 * Refuses a request with 503 and Retry-After while its route has too many others in flight, before its session is opened
 * and its body is read. The limit is per route, so that a stalled route leaves the others alone. A stream counts until it
 * begins. Where refusals become many, these and those of every gate are delayed by a second: clients that retry at once
 * would take the CPU from requests that are served.
 * @param maxInFlight requests of one route in this process
 */
export function shedLoad(maxInFlight: number) {
  const inFlight = new Map<string, number>()
  let refusals = 0
  let since = 0

  async function hold(): Promise<void> {
    const now = performance.now()
    if (now - since > 1000) [since, refusals] = [now, 0]
    if (++refusals > PROMPT_REFUSALS) await new Promise((resolve) => setTimeout(resolve, HOLD_MS))
  }

  const handler = middleware(async (c, next) => {
    const route = `${c.req.method} ${routePath(c, -1)}`
    const others = inFlight.get(route) ?? 0
    if (others >= maxInFlight) {
      await hold()
      throw new BusyError(`${others} requests are in flight on this route`)
    }
    inFlight.set(route, others + 1)
    try {
      await next()
    } finally {
      inFlight.set(route, (inFlight.get(route) ?? 1) - 1)
    }
    if (c.error !== undefined && driverCode(c.error) === 'BUSY') await hold()
  })
  return tag(handler, { otherStatuses: [503] })
}
