// Declares ways in beside the password, as accounts see them: what each offers on the pages to enter. `manifest.ts` lists them.
import type { Child } from 'hono/jsx'
import type { AnyContext } from '../kit/http/env.ts'
import { CONFIRM, SIGN_IN } from './pages/paths.ts'

/** `confirm`: where one shows again that it is oneself, for what needs a fresh login. */
export type EntryPage = 'sign-in' | 'sign-up' | 'confirm'

export interface WayIn {
  /** What a page offers beside its form: nothing where the way does not serve there, is closed, or is not this account's. */
  offer(c: AnyContext, page: EntryPage): Child | Promise<Child>
  /** The paths, of calls and pages, that take its proof and then ask by `secondStep.demand` for a second factor. */
  asksFactorAt?: readonly string[]
}

/** Where a second factor may be asked for: after the password, and after the other ways. */
export const firstSteps = ({ waysIn = [] }: { waysIn?: readonly WayIn[] }): string[] => [
  '/api/login',
  '/api/reauthenticate',
  SIGN_IN,
  CONFIRM,
  ...waysIn.flatMap(({ asksFactorAt = [] }) => asksFactorAt),
]
