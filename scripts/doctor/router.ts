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
  const odd = routes.find((_, i) => !isQuick(routes.slice(0, i + 1)))
  if (odd === undefined) return ok('router', `${routes.length} handlers, found by one expression`)
  return warn(
    'router',
    `${odd.method} ${odd.path} overlaps with a route before it: each request takes Hono's slower router`,
    'Give one of the two a path that the other one does not match',
  )
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
