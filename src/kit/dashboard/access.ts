// Declares what the dashboard needs of a product: who may use it, and where they sign in.
import type { RequireRole } from '../auth/guards.ts'
import type { AnyProduct } from '../http/env.ts'
import type { OperatorsSection } from './shell.tsx'

export interface DashboardAccess<P extends AnyProduct> {
  requireRole: RequireRole<P>
  /** The role of operators. */
  role: P['Role']
  /** The name under which the page shows the account that is signed in. */
  label(this: void, user: P['User']): string
  /** The path of the page to sign in, which leads back to `next` in its query; undefined if there is none. */
  signIn: string | undefined
  /** The path of the page to give one's password again, for what needs a fresh login. */
  confirm?: string | undefined
  /** How an account gets the role, for those who lack it. */
  lacking?: string
  /** Pages beside the kit's: one for each module that has something to show. */
  sections?: readonly OperatorsSection[]
}
