// Sheds load: refuses early on a route whose queue is full, and keeps refusals cheap however fast clients retry.
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { BusyError } from '../data/gate.ts'
import { driverCode } from '../data/transient.ts'
import { tag } from './doc.ts'
import { middleware } from './factory.ts'

/** How long a queue counts as full after a refusal: as long as it takes to serve a part of it. */
const FULL_MS = 100
/** Refusals per second that are sent at once. Beyond it clients are many, or ignore Retry-After. */
const PROMPT_REFUSALS = 500
const HOLD_MS = 1000

/**
 * After a gate has refused a request, its route refuses the next ones for a moment, before their sessions are opened and
 * their bodies are read: 503 with Retry-After. A query string may lead to another gate, so requests with one do not count.
 * If refusals become many, those of all gates are delayed by a second: clients that retry at once would take the CPU from
 * requests that are served.
 */
export function shedLoad() {
  const fullUntil = new Map<string, number>()
  let refusals = 0
  let since = 0

  async function hold(): Promise<void> {
    const now = performance.now()
    if (now - since > 1000) [since, refusals] = [now, 0]
    if (++refusals > PROMPT_REFUSALS) await new Promise((resolve) => setTimeout(resolve, HOLD_MS))
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
    if (c.error === undefined || driverCode(c.error) !== 'BUSY') return
    if (!c.req.url.includes('?')) fullUntil.set(routeOf(c), performance.now() + FULL_MS)
    await hold()
  })
  return tag(handler, { otherStatuses: [503] })
}

const routeOf = (c: Context) => `${c.req.method} ${routePath(c, -1)}`
