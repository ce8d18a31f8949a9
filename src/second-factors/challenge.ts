// Asks for a second factor after the first proof, and opens the session once it was given.
import { z } from 'zod'
import { recordEvent } from '../account/audit.ts'
import { invalidCredentials } from '../account/errors.ts'
import { beginSession } from '../account/login.ts'
import { requestNotice } from '../account/mail-tasks.ts'
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUserWithHashById, type User } from '../account/queries.ts'
import { roles } from '../account/roles.ts'
import type { Aim, Factor, FirstProof, OwnFactor } from '../account/second-step.ts'
import { confirmSession } from '../account/sessions.ts'
import { countAttempt } from '../kit/auth/attempts.ts'
import { randomHex } from '../kit/auth/token-text.ts'
import { accountDisabled, agentOf } from '../kit/http/session.ts'
import { defineError, loginRequired, rateLimitExceeded } from '../kit/types/api-error.ts'
import type { Json } from '../kit/types/json.ts'

/** How long one has for the answer. */
export const CHALLENGE_S = 5 * 60

/**
 * Wrong answers of an account, over all its factors and challenges: with three codes of a million that are right, somebody who
 * knows the password guesses one within a year with a chance of one in eight, and the owner is told each time. It counts without RATE_LIMIT
 * as well, because a short code is worth no more than this. Only who knows the password uses it up: with another one the owner ends that.
 */
const ATTEMPTS = { name: 'second-factor', limit: 5, seconds: 60 * 60 }

const ASKS =
  'Unauthorized! This account has a second factor: send it with the challenge to POST /api/login/second'
export const secondFactorRequired = Object.assign(defineError(401, 'second_factor_required', ASKS), {
  body: z.object({
    challenge: z.string().describe('For one login, within five minutes.'),
    factors: z.array(z.string()).describe('Those that the account has.'),
    options: z.record(z.string(), z.unknown()).optional().describe('What a factor needs for its answer.'),
  }),
})

export const challengeExpired = defineError(
  400,
  'challenge_expired',
  'This login took too long, or was completed already: begin it anew',
)

export const wrongFactor = defineError(
  400,
  'wrong_factor',
  'That is not right, or was used already: give the next code',
)

/** What the answer to a challenge is refused by; the last two if the account or the session changes at that moment. */
export const SECOND_ERRORS = [
  challengeExpired,
  wrongFactor,
  accountDisabled,
  rateLimitExceeded,
  invalidCredentials,
  loginRequired,
]

/** A type, not an interface: only a type counts as JSON. */
export type Challenge = {
  userId: string
  /** A digest of the password's hash, or of the email where there is none. */ was: string
  way: string
} & ({ remember: boolean; token: boolean } | { session: string })

const keyOf = (c: AppContext, challenge: string) => `second-step:${c.var.digest(challenge)}`

const has = (factor: Factor, name: string) => Object.hasOwn(factor.answers, name)

/** Keeps what the first proof is to open, and asks for one of these factors. @throws secondFactorRequired */
export async function issueChallenge(
  c: AppContext,
  { userId, hash, email, way }: FirstProof,
  aim: Aim,
  own: OwnFactor[],
): Promise<never> {
  const { digest, secondStep, session, sessions, store } = c.var
  const challenge = randomHex(32)
  const opens =
    aim === 'refresh'
      ? { session: sessions.idOf(session?.token ?? '') ?? '' }
      : { remember: aim.remember, token: aim.token === true }
  const due: Challenge = { userId, was: digest(hash ?? email), way, ...opens }
  await store.set(keyOf(c, challenge), due, CHALLENGE_S)
  const options: Record<string, Json> = {}
  for (const factor of secondStep?.factors ?? []) {
    const asked = own.find(({ name }) => has(factor, name))
    if (asked && factor.optionsFor) options[asked.name] = await factor.optionsFor(c, { userId, challenge })
  }
  const hasOptions = Object.keys(options).length > 0
  c.set('noStore', true)
  const body = { challenge, factors: own.map(({ name }) => name), ...(hasOptions && { options }) }
  throw secondFactorRequired({ body, isFailure: false })
}

/** What a challenge is for. @throws challengeExpired */
export async function findChallenge(c: AppContext, challenge: string): Promise<Challenge> {
  const due = await c.var.store.get<Challenge>(keyOf(c, challenge))
  if (due === undefined) throw challengeExpired()
  return due
}

/**
 * Takes the second factor: starts the session that the first proof was to open, or makes the one that it was given in fresh. A wrong
 * answer may be followed by another, within the time of the challenge and the attempts of the account.
 * @throws those of `SECOND_ERRORS`
 */
export async function answerChallenge(
  c: AppContext,
  { challenge, name, answer }: { challenge: string; name: string; answer: unknown },
): Promise<User> {
  const { db, digest, log, rateLimiter, secondStep, session, sessions, store } = c.var
  const due = await findChallenge(c, challenge)
  const { userId, was, way: first } = due
  const found = await findUserWithHashById(db, userId)
  const isAsBefore = (hash: string | null, email = '') => digest(hash ?? email) === was
  const isHere = !('session' in due) || (session && sessions.idOf(session.token) === due.session)
  // Before it counts: what was begun with a password of before uses up nothing of its owner's attempts.
  if (found === undefined || !isAsBefore(found.hash, found.user.email) || !isHere) throw challengeExpired()
  const { user } = found
  if (roles.isBarred(user.role)) throw accountDisabled()
  const factor = secondStep?.factors.find((one) => has(one, name))
  const check = async () => factor?.check(c, { userId, name, answer, challenge })
  const { result, counts } = await countAttempt(rateLimiter, [{ ...ATTEMPTS, key: userId }], check)
  if (!result) {
    log.warn('WRONG SECOND FACTOR', { user: userId, agent: agentOf(c) })
    if (counts[0]?.count === ATTEMPTS.limit)
      await db.transaction(async (tx) => {
        await recordEvent(c, tx, { action: 'factor.attempts_used_up', account: userId })
        await requestNotice(c.var, tx, user.email, 'factor_attempts')
      })
    throw wrongFactor()
  }
  // Of two right answers at once one counts.
  if ((await store.delete(keyOf(c, challenge))) === 0) throw challengeExpired()
  const way = `${first}+${name}`
  if ('session' in due) {
    await confirmSession(c as LoggedInContext, way, way)
    return user
  }
  // It may be undone at this moment: then that is seen here, or the session is seen there.
  const isThere = async () => ((await factor?.of(db, userId)) ?? []).length > 0
  const { remember, token } = due
  await beginSession(
    c,
    user,
    { remember, token, way },
    async (hash, now) => isAsBefore(hash, now?.email) && isThere(),
  )
  return user
}
