// Sheds load: refuses early on a route whose line is full, and lets refusals cost little however often they are asked for.
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { BusyError } from '../data/gate.ts'
import { causesOf } from '../data/transient.ts'
import { unavailable } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** For how long a route counts its requests after one of them found the queue full. */
const WATCH_MS = 1000
/** Even without room one is let in after so long: those that fill the queue may be of other routes. */
const PROBE_MS = 100
/** Refusals a second. Past them their clients are many, or do not wait for Retry-After, and each waits for its turn. */
const REFUSALS_PER_S = 500
const BURST_MS = 1000
const MAX_HOLD_MS = 5000

/** A route whose queue was full: how many of its requests have ended since, and not been followed by another. */
interface Full {
  room: number
  until: number
  probeAt: number
}

/**
 * Where a long queue was full, the route lets in one request for each that ends, and refuses the others before their
 * sessions are opened and their bodies read: 503 with Retry-After. A query may choose another gate, so requests with one
 * are not counted. Where refusals become many, those of all gates are paced: clients that ask again at once would take
 * the processor from what is to be answered.
 */
export function shedLoad() {
  const fullRoutes = new Map<string, Full>()
  /** When the next refusal is due, in the manner of a leaky bucket. */
  let due = 0

  async function hold(): Promise<void> {
    const now = performance.now()
    due = Math.min(Math.max(due, now) + 1000 / REFUSALS_PER_S, now + BURST_MS + MAX_HOLD_MS)
    const waitMs = due - now - BURST_MS
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  }

  function letIn(route: string): boolean {
    const full = fullRoutes.get(route)
    if (full === undefined) return true
    const now = performance.now()
    if (now > full.until) fullRoutes.delete(route)
    else if (full.room > 0) full.room--
    else if (now >= full.probeAt) full.probeAt = now + PROBE_MS
    else return false
    return true
  }

  const handler = middleware(async (c, next) => {
    if (fullRoutes.size > 0 && !letIn(routeOf(c))) {
      await hold()
      throw new BusyError('the queue of this route was full a moment ago')
    }
    await next()
    const refusal = c.error && [...causesOf(c.error)].find((cause) => cause instanceof BusyError)
    if (refusal?.refusesEarly === true && !c.req.url.includes('?')) {
      const now = performance.now()
      fullRoutes.set(routeOf(c), { room: 0, until: now + WATCH_MS, probeAt: now + PROBE_MS })
    } else if (fullRoutes.size > 0) {
      const full = fullRoutes.get(routeOf(c))
      if (full) full.room++
    }
    if (refusal) await hold()
  })
  return tag(handler, { errors: [unavailable] })
}

const routeOf = (c: Context) => `${c.req.method} ${routePath(c, -1)}`
