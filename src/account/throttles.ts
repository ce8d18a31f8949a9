// Slows down password guessing without locking the owner of the account out.
import type { Config } from '../config.ts'
import { clientNetwork } from '../kit/http/client-ip.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { linkTokenOf } from '../kit/pages/link-token.ts'
import type { Quota, RateLimit } from '../kit/http/quota.ts'

/**
 * Failed logins count per account and address: guesses from elsewhere take nothing from the owner's limit.
 * They also count per address over all accounts, against an attacker who tries a few passwords on each.
 * Whether the account exists makes no difference: it is looked up later.
 */
export const loginLimit: RateLimit = {
  name: 'login',
  quotas: ({ rateLimit }) => [perAccount(rateLimit), perAddress(rateLimit, 'failures')],
}

/** The same for those who give their password again. Whoever has stolen a session locks its owner out nowhere else. */
export const reauthenticationLimit: RateLimit = {
  name: 'reauthenticate',
  quotas: ({ rateLimit }) => [
    { ...perAccount(rateLimit), key: (c) => `${c.get('session').userId} ${addressOf(c)}` },
    perAddress(rateLimit, 'failures'),
  ],
}

/** Every signup counts per address: a success costs a hash, a row and a mail; a failure reveals that an email is taken. */
export const signupLimit: RateLimit = {
  name: 'signup',
  quotas: ({ rateLimit }) => [perAccount(rateLimit), perAddress(rateLimit, 'requests')],
}

/**
 * Asking for a link counts per email and address, whether there is such an account or not, and per address. The mails of one
 * mailbox have a limit of their own, which locks nobody out of asking: see `mail-tasks.ts`.
 */
export const forgotLimit: RateLimit = {
  name: 'forgot',
  quotas: ({ rateLimit }) => [
    { ...perAccount(rateLimit), counts: 'requests' },
    perAddress(rateLimit, 'requests'),
  ],
}

/** Links and passwords that are guessed; a link is 32 random bytes. */
export const linkLimit: RateLimit = {
  name: 'link',
  quotas: ({ rateLimit }) => [
    { ...perAccount(rateLimit), key: (c) => `${inputOf(c).token ?? linkTokenOf(c)} ${addressOf(c)}` },
    perAddress(rateLimit, 'failures'),
  ],
}

/** Second factors that are guessed; how often an account may get one wrong, its challenges count. */
export const secondStepLimit: RateLimit = {
  name: 'second-step',
  quotas: ({ rateLimit }) => [perAddress(rateLimit, 'failures')],
}

/** What takes some memory of Redis for a while, and nobody has said who they are. */
export const askLimit = (name: string): RateLimit => ({
  name,
  quotas: ({ rateLimit }) => [perAddress(rateLimit, 'requests')],
})

/** What costs a mail: per account, wherever it is logged in. */
export const ownLimit: RateLimit = {
  name: 'own',
  quotas: ({ rateLimit: { account, seconds } }) => [
    { per: 'account', limit: account, seconds, counts: 'requests', key: (c) => c.get('session').userId },
  ],
}

/** Invitations that an account has mailed, wherever it is logged in. */
export const inviteLimit: RateLimit = {
  name: 'invite',
  quotas: (config) => ownLimit.quotas(config).map((quota) => ({ ...quota, limit: config.rateLimit.address })),
}

const perAccount = ({ account, seconds }: Config['rateLimit']): Quota => ({
  per: 'account',
  limit: account,
  seconds,
  counts: 'failures in a row',
  key: (c) => `${foldEmail(emailOf(c))} ${addressOf(c)}`,
})

const perAddress = ({ address, seconds }: Config['rateLimit'], counts: Quota['counts']): Quota => ({
  per: 'address',
  limit: address,
  seconds,
  counts,
  key: addressOf,
})

const addressOf = (c: AnyContext): string => clientNetwork(c.get('ip'))

/** The validated JSON body or form. */
const inputOf = (c: AnyContext) =>
  (c.req.valid('json' as never) ?? c.req.valid('form' as never)) as Record<string, string>

const emailOf = (c: AnyContext): string => inputOf(c).email ?? ''

/**
 * Maps every spelling that Postgres may take for one email to one text. In some locales its `lower` turns the Turkish
 * dotted capital into i and the Kelvin sign into k: otherwise each spelling would get a limit of its own.
 */
export const foldEmail = (email: string): string =>
  email.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
