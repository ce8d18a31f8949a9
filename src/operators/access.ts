// What the operators' page has to be told of a product: who may use it, and how they sign in.
import type { z } from 'zod'
import type { AnyContext, Product } from '../web/env.ts'
import type { RateLimit } from '../web/quota.ts'
import type { RequireRole } from '../web/role-guard.ts'

export interface OperatorAccess<P extends Product> {
  requireRole: RequireRole<P>
  /** The role of operators. */
  least: P['Role']
  /** The lowest role that can be signed in: it may leave. */
  lowest: P['Role']
  /** How the page calls whoever is signed in. */
  label(this: void, user: P['User']): string
  signIn: {
    form: z.ZodType<Credentials>
    limit: RateLimit
    /** Starts a session that ends with the browser, or throws what the form then says. */
    run(this: void, c: AnyContext, credentials: Credentials): Promise<unknown>
  }
}

interface Credentials {
  email: string
  password: string
}
