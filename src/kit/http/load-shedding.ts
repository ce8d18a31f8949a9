// Sheds load: refuses early on a route whose line is full, and lets refusals cost little however often they are asked for.
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { BusyError } from '../data/gate.ts'
import { causesOf } from '../data/transient.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** A line that was full stays so for a moment: as long as it takes to serve a part of it. */
const FULL_MS = 100
/** Refusals that go out at once, in each second. Past them their clients are many, or do not wait for Retry-After. */
const AT_ONCE = 500
const HOLD_MS = 1000

/**
 * Where a long queue was full, the route refuses the next ones for a moment before their sessions are opened and
 * their bodies read: 503 with Retry-After. A query may choose another gate, so requests with one are not counted.
 * Where refusals become many, those of all gates are held for a second: clients that ask again at once would take the
 * processor from what is to be answered.
 */
export function shedLoad() {
  const fullUntil = new Map<string, number>()
  let refusals = 0
  let since = 0

  async function hold(): Promise<void> {
    const now = performance.now()
    if (now - since > 1000) [since, refusals] = [now, 0]
    if (++refusals > AT_ONCE) await new Promise((resolve) => setTimeout(resolve, HOLD_MS))
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
