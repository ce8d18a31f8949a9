// Declares what one-time tokens are for, how long each lives, and the links that carry them.
import type { Config } from '../config.ts'
import { createOneTimeTokens } from '../kit/auth/one-time-tokens.ts'
import { oneTimeTokens } from './table.ts'

const HOUR = 60
const DAY = 24 * HOUR

/** How long the mailbox of before may take an account back, from when its mail leaves. */
export const TAKE_BACK_MS = 7 * DAY * 60_000

/** For how long a change of second factors can be undone, and after which a factor counts as the owner's. */
export const FACTOR_UNDO_MS = 7 * DAY * 60_000

/** `mails.ts` tells these times in words. */
export const tokens = createOneTimeTokens(oneTimeTokens, {
  reset: { minutes: HOUR },
  verify: { minutes: 3 * DAY },
  email_change: { minutes: DAY },
  /** Never voided by a later change: a thief would change the email twice. Its mailbox is taken until it expires. */
  take_back: { minutes: TAKE_BACK_MS / 60_000, keepsOlder: true },
  invitation: { minutes: 7 * DAY, isPerMailbox: true },
  /** Undoes a change of second factors, and each one since. */
  factor_undo: { minutes: FACTOR_UNDO_MS / 60_000, keepsOlder: true },
})

/** What gives an account back to its owner: whatever a thief does voids none of it. */
export const UNDOES: Purpose[] = ['take_back', 'factor_undo']

export type Purpose = 'reset' | 'verify' | 'email_change' | 'take_back' | 'invitation' | 'factor_undo'

/** By purpose: the page of ours, and that of a front-end. */
const PAGES: Record<Purpose, [own: string, frontEnd: string]> = {
  reset: ['/api/auth/reset', '/reset-password'],
  verify: ['/api/auth/verify', '/verify-email'],
  email_change: ['/api/auth/verify', '/verify-email'],
  take_back: ['/api/auth/take-back', '/take-back-email'],
  invitation: ['/api/auth/invitation', '/accept-invitation'],
  factor_undo: ['/api/auth/factor-undo', '/undo-second-factor'],
}

/**
 * The link of a mail. It begins with APP_URL, never with what a request says of its host. A front-end gets the token in the
 * fragment, which no server sees.
 */
export function linkTo({ appUrl, authPages }: Config, purpose: Purpose, token: string): string {
  const [own, frontEnd] = PAGES[purpose]
  return authPages ? `${appUrl}${own}?token=${token}` : `${appUrl}${frontEnd}#token=${token}`
}
