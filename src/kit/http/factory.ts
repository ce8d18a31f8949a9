// Creates apps and middleware with the types of a product's context.
import type { MiddlewareHandler } from 'hono'
import { createFactory } from 'hono/factory'
import type { AppEnv, AnyProduct } from './env.ts'

/** The factory for a product's apps and middleware; without type argument, for those of the kit. */
export const appFactory = <P extends AnyProduct = AnyProduct>() =>
  createFactory<AppEnv<P>>({ defaultAppOptions: { strict: false } })

/** A middleware of the kit: it fits the app of any product and adds nothing to its types. */
export const middleware = (handler: MiddlewareHandler<AppEnv>): MiddlewareHandler => handler
