// Sheds load: refuses early on a route whose line is full, and lets refusals cost little however often they are asked for.
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { BusyError } from '../data/gate.ts'
import { causesOf } from '../data/transient.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** A line that was full stays so for a moment: as long as it takes to serve a part of it. */
const FULL_MS = 100
/** Refusals a second. Past them their clients are many, or do not wait for Retry-After, and each waits for its turn. */
const REFUSALS_PER_S = 500
const BURST_MS = 1000
const MAX_HOLD_MS = 5000

/**
 * Where a long queue was full, the route refuses the next ones for a moment before their sessions are opened and
 * their bodies read: 503 with Retry-After. A query may choose another gate, so requests with one are not counted.
 * Where refusals become many, those of all gates are paced: clients that ask again at once would take the processor from
 * what is to be answered.
 */
export function shedLoad() {
  const fullUntil = new Map<string, number>()
  /** When the next refusal is due, in the manner of a leaky bucket. */
  let due = 0

  async function hold(): Promise<void> {
    const now = performance.now()
    due = Math.min(Math.max(due, now) + 1000 / REFUSALS_PER_S, now + BURST_MS + MAX_HOLD_MS)
    const waitMs = due - now - BURST_MS
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  }

  function isFull(c: Context): boolean {
    const route = routeOf(c)
    const until = fullUntil.get(route)
    if (until === undefined) return false
    if (performance.now() < until) return true
    fullUntil.delete(route)
    return false
  }

  const handler = middleware(async (c, next) => {
    if (fullUntil.size > 0 && isFull(c)) {
      await hold()
      throw new BusyError('the queue of this route was full a moment ago')
    }
    await next()
    if (c.error === undefined) return
    const refusal = [...causesOf(c.error)].find((cause) => cause instanceof BusyError)
    if (refusal === undefined) return
    if (refusal.refusesEarly && !c.req.url.includes('?'))
      fullUntil.set(routeOf(c), performance.now() + FULL_MS)
    await hold()
  })
  return tag(handler, { otherStatuses: [503] })
}

const routeOf = (c: Context) => `${c.req.method} ${routePath(c, -1)}`
