// Says by SIGNUP who may make an account.
import type { Config } from '../config.ts'
import { tag } from '../kit/http/doc.ts'
import { signupClosed } from './errors.ts'
import { factory } from './product.ts'

/** @throws signupClosed unless the policy is one of these */
export function assertSignup({ signup }: Config, ...policies: Config['signup'][]): void {
  if (!policies.includes(signup)) throw signupClosed()
}

/** The same for a route, before anything is looked at: the answer is one and the same for all. */
export const requireSignup = (...policies: Config['signup'][]) =>
  tag(
    factory.createMiddleware((c, next) => {
      assertSignup(c.var.config, ...policies)
      return next()
    }),
    { errors: [signupClosed] },
  )
