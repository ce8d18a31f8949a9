// What slows down a guesser of passwords, and does not keep the owner of the account out.
import type { Config } from '../config.ts'
import { clientNetwork } from '../kit/http/client-ip.ts'
import type { AnyContext } from '../kit/http/env.ts'
import type { Quota, RateLimit } from '../kit/http/quota.ts'

/**
 * Failed logins count per account and address: who guesses from elsewhere takes nothing from the owner.
 * They count per address too, over all accounts, for one who tries a few passwords on each.
 * Whether the account exists makes no difference: it is looked up later.
 */
export const loginLimit: RateLimit = {
  name: 'login',
  quotas: ({ rateLimit }) => [perAccount(rateLimit), perAddress(rateLimit, 'failures')],
}

/** Every signup counts per address: a success costs a hash, a row and a mail, a failure tells that an email is taken. */
export const signupLimit: RateLimit = {
  name: 'signup',
  quotas: ({ rateLimit }) => [perAccount(rateLimit), perAddress(rateLimit, 'requests')],
}

const perAccount = ({ account, seconds }: Config['rateLimit']): Quota => ({
  per: 'account',
  most: account,
  seconds,
  counts: 'failures in a row',
  key: (c) => `${foldEmail(emailOf(c))} ${addressOf(c)}`,
})

const perAddress = ({ address, seconds }: Config['rateLimit'], counts: Quota['counts']): Quota => ({
  per: 'address',
  most: address,
  seconds,
  counts,
  key: addressOf,
})

const addressOf = (c: AnyContext): string => clientNetwork(c.get('ip'))

/** What a validator has passed, of JSON or of a form. */
const emailOf = (c: AnyContext): string => {
  const login = (c.req.valid('json' as never) ?? c.req.valid('form' as never)) as { email: string }
  return login.email
}

/**
 * The same text for all that Postgres may take for the same email. Its `lower` makes an i of the Turkish capital,
 * and a k of the Kelvin sign, where its locale knows them: each such letter would be a new account to guess at.
 */
export const foldEmail = (email: string): string =>
  email.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
