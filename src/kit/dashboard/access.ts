// Declares what the dashboard needs of a product: who may use it, and how they sign in.
import type { z } from 'zod'
import type { RequireRole } from '../auth/role-guard.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import type { RateLimit } from '../http/quota.ts'
import type { ErrorKind } from '../types/api-error.ts'

export interface DashboardAccess<P extends AnyProduct> {
  requireRole: RequireRole<P>
  /** The role of operators. */
  role: P['Role']
  /** The lowest role that can sign in: it may sign out. */
  lowestRole: P['Role']
  /** The name under which the page shows the account that is signed in. */
  label(this: void, user: P['User']): string
  signIn: {
    form: z.ZodType<Credentials>
    limit: RateLimit
    /** Starts a session that ends with the browser, or throws the error that the form shows. */
    run(this: void, c: AnyContext, credentials: Credentials): Promise<unknown>
    /** The kinds of errors that `run` throws. */
    errors?: readonly ErrorKind[]
  }
}

interface Credentials {
  email: string
  password: string
}
