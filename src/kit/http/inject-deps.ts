// The dependencies in every request's `c.var`.
import type { Deps } from '../deps.ts'
import type { AppEnv } from './env.ts'
import { middleware } from './factory.ts'

/**
 * Stands before all other middleware. Hono keeps variables in a Map, fills it for each request and copies it at each look
 * at `c.var`: with as many dependencies as here that costs more than any middleware. So a request's variables are an
 * object of its own that inherits the dependencies.
 * @param more what is the same for all requests, too
 */
export function injectDeps(deps: Deps, more: Partial<AppEnv['Variables']> = {}) {
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
