// Whether Hono finds the routes of the app by one regular expression, its quick way, and OpenAPI can tell them apart.
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
  if (odd === undefined) return judgeNames(routes)
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

/** OpenAPI forbids `/books/{id}` beside `/books/{isbn}`, of whatever method: generators of clients choose one, or give up. */
function judgeNames(routes: readonly Route[]): Finding {
  const named = new Map<string, string>()
  for (const { path } of routes) {
    const template = path.replaceAll(/:\w+/g, ':')
    const before = named.get(template) ?? path
    named.set(template, before)
    if (before === path) continue
    const found = `${before} and ${path} are one path: in the OpenAPI document only one may stand`
    return warn('router', found, 'Give their parameters the same names')
  }
  return ok('router', `${routes.length} handlers, found by one expression`)
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
