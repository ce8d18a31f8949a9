// Puts the dependencies into every request's `c.var`.
import type { KitDeps } from '../deps.ts'
import type { AppEnv } from './env.ts'
import { middleware } from './factory.ts'

/**
 * Place it before all other middleware. Hono keeps variables in a Map, which it would fill for each request and copy on
 * each access to `c.var`: with this many dependencies that costs more than any middleware. So a request's variables are
 * an object that inherits the dependencies.
 * @param more further values that are the same for all requests
 */
export function injectDeps(deps: KitDeps, more: Partial<AppEnv['Variables']> = {}) {
  const shared: object = Object.assign(Object.create(deps), more)
  return middleware((c, next) => {
    const variables: Record<string, unknown> = Object.create(shared)
    Object.defineProperty(c, 'var', { value: variables })
    Object.assign(c, {
      get: (name: string) => variables[name],
      set: (name: string, value: unknown) => {
        variables[name] = value
      },
    })
    return next()
  })
}
