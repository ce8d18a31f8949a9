// Declares ways in beside the password, as accounts see them: what each offers on the pages to enter. `manifest.ts` lists them.
import type { Child } from 'hono/jsx'
import type { AnyContext } from '../kit/http/env.ts'
import type { Db } from '../kit/types/db.ts'
import { lastWayIn } from './errors.ts'
import { CONFIRM, SIGN_IN } from './pages/paths.ts'
import { isPasswordSet } from './queries.ts'

/** `confirm`: where one shows again that it is oneself, for what needs a fresh login. */
export type EntryPage = 'sign-in' | 'sign-up' | 'confirm'

export interface WayIn {
  /** What a page offers beside its form: nothing where the way does not serve there, is closed, or is not this account's. */
  offer(c: AnyContext, page: EntryPage): Child | Promise<Child>
  /** The paths, of calls and pages, that take its proof and then ask by `secondStep.demand` for a second factor. */
  asksFactorAt?: readonly string[]
  /** Whether it opens this account by itself, without the mailbox. */
  opens?(db: Db, userId: string): Promise<boolean>
  /**
   * Removes what opens the account by it: whoever shows the mailbox anew has it for themselves. What is a second factor as well is none
   * of its business. Takes a transaction.
   */
  removeAll?(tx: Db, userId: string): Promise<void>
}

interface HasWaysIn {
  waysIn?: readonly WayIn[]
}

/** To be asked in the transaction that takes one away. @throws lastWayIn */
export async function assertWayIn({ waysIn = [] }: HasWaysIn, tx: Db, userId: string): Promise<void> {
  if (await isPasswordSet(tx, userId)) return
  for (const way of waysIn) if (await way.opens?.(tx, userId)) return
  throw lastWayIn()
}

/** Takes a transaction. */
export async function removeWaysIn({ waysIn = [] }: HasWaysIn, tx: Db, userId: string): Promise<void> {
  for (const way of waysIn) await way.removeAll?.(tx, userId)
}

/** Where a second factor may be asked for: after the password, and after the other ways. */
export const firstSteps = ({ waysIn = [] }: HasWaysIn): string[] => [
  '/api/login',
  '/api/reauthenticate',
  SIGN_IN,
  CONFIRM,
  ...waysIn.flatMap(({ asksFactorAt = [] }) => asksFactorAt),
]
