// Whether the routes of the app are such that Hono finds them by one regular expression, its quick way.
import { RegExpRouter } from 'hono/router/reg-exp-router'
import type { Deps } from '../../src/account/product.ts'
import { createApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { type Finding, ok, warn } from './finding.ts'

interface Route {
  method: string
  path: string
}

export const checkRouter = (config: Config): Finding => judgeRoutes(createApp({ config } as Deps).routes)

/** A pair such as `/users/:id` and `/users/invite`, of one method, keeps all routes from it: some microseconds for every request. */
export function judgeRoutes(routes: readonly Route[]): Finding {
  const odd = findOdd(routes)
  if (odd === undefined) return ok('router', `${routes.length} handlers, found by one expression`)
  return warn(
    'router',
    `${odd.method} ${odd.path} overlaps with a route before it: each request takes Hono's slower router`,
    'Give one of the two a path that the other one does not match',
  )
}

/** The first that does not go with those before it, by halves: what is added to such routes mends nothing. */
function findOdd<R extends Route>(routes: readonly R[]): R | undefined {
  if (isQuick(routes)) return undefined
  let [quick, slow] = [0, routes.length]
  while (slow - quick > 1) {
    const middle = (quick + slow) >> 1
    if (isQuick(routes.slice(0, middle))) quick = middle
    else slow = middle
  }
  return routes[slow - 1]
}

function isQuick(routes: readonly Route[]): boolean {
  const router = new RegExpRouter<null>()
  try {
    for (const { method, path } of routes) router.add(method, path, null)
    router.match('GET', '/')
    return true
  } catch {
    return false
  }
}
