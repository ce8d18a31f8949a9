// What the operators' page has to be told of a product: who may use it, and how they sign in.
import type { z } from 'zod'
import type { RequireRole } from '../auth/role-guard.ts'
import type { AnyContext, Product } from '../http/env.ts'
import type { RateLimit } from '../http/quota.ts'

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
