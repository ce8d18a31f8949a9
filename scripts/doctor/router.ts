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
  const odd = routes.find((_, i) => !isQuick(routes.slice(0, i + 1)))
  if (odd === undefined) return judgeNames(routes)
  return warn(
    'router',
    `${odd.method} ${odd.path} overlaps with a route before it: each request takes Hono's slower router`,
    'Give one of the two a path that the other one does not match',
  )
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
