// Makes apps and middleware that are typed by what a handler finds in its context.
import type { MiddlewareHandler } from 'hono'
import { createFactory } from 'hono/factory'
import type { AppEnv, Product } from './env.ts'

/** The factory of a product's apps and middleware; without one, that of the kit's own. */
export const appFactory = <P extends Product = Product>() =>
  createFactory<AppEnv<P>>({ defaultAppOptions: { strict: false } })

/** A middleware of the kit: it stands in the app of any product, and adds nothing to the types there. */
export const middleware = (handler: MiddlewareHandler<AppEnv>): MiddlewareHandler => handler
