// Mails six digits that prove a mailbox, and takes them back: once, within ten minutes, and from the client that has asked.
import { z } from 'zod'
import { isFlooded, ownNetwork } from '../account/mail-floods.ts'
import type { AppContext, Deps } from '../account/product.ts'
import { findUserWithHash, lockUser } from '../account/queries.ts'
import { roles } from '../account/roles.ts'
import { SixDigits } from '../account/schema.ts'
import { oneTimeTokens } from '../account/table.ts'
import { foldEmail } from '../account/throttles.ts'
import { countAttempt } from '../kit/auth/attempts.ts'
import { createOneTimeTokens, tokenExpired } from '../kit/auth/one-time-tokens.ts'
import { digestOf, randomHex } from '../kit/auth/token-text.ts'
import { agentOf } from '../kit/http/session.ts'
import { defineTask } from '../kit/jobs/task.ts'
import { mailOf } from '../kit/mail/layout.ts'
import { defineError, isOfKind } from '../kit/types/api-error.ts'

const MINUTES = 10
export const CODE_S = MINUTES * 60

/** Among all one-time tokens: what voids the links of an account voids its codes. */
const codes = createOneTimeTokens(oneTimeTokens, {
  // Each counts for the client that has asked: one that a stranger asks for voids none of the owner's.
  login_code: { minutes: MINUTES, keepsOlder: true },
  confirm_code: { minutes: MINUTES },
})

/** Those of a session stand by themselves, their counts and mails too: anybody asks for codes to log in. */
const purposeOf = (session: string | undefined) => (session === undefined ? 'login_code' : 'confirm_code')

const PER_CODE = { name: 'login-code', limit: 5, seconds: CODE_S }
/**
 * Over all codes of an account that strangers have asked for, and over those of each network where it has logged in before: what strangers use up
 * closes this way in for its owner nowhere but from a network that is new.
 */
const PER_ACCOUNT = [
  { name: 'login-codes', limit: 10, seconds: 60 * 60 },
  // Ten in each hour of a year would find one in twelve; these, one in ninety.
  { name: 'login-codes-day', limit: 30, seconds: 24 * 60 * 60 },
]

/** Which of these it is nobody learns: it would tell whether there is an account. */
export const wrongCode = defineError(
  400,
  'wrong_code',
  'That is not the code, or it has expired, was used, or was replaced by a newer one: look again, or ask for another',
)

export const MailedCode = z.object({
  challenge: z.string().max(100).describe('From the answer to the call that had the code mailed.'),
  one_time_password: SixDigits.describe('The code that was mailed.'),
})

/** For whom: to log in, or to show in that session that it is oneself; and from which `ownNetwork`. A type, not an interface: only a type counts as JSON. */
type Asked = { email: string; session?: string | undefined; own?: string | undefined }

const keyOf = (bound: string) => `login-code:${bound}`

/** Nobody finds a code by its digest: it takes the challenge as well, which only the client that has asked knows. */
const tokenOf = (bound: string, code: string) => digestOf(`${bound} ${code}`)

/**
 * Has a code mailed, if there is such an account: it does not look, so that neither the answer nor its duration tells. Returns the
 * challenge that comes back with the code.
 */
export async function askForCode({ var: { digest, enqueue, ip, store } }: AppContext, asked: Asked) {
  const challenge = randomHex(32)
  const bound = digest(challenge)
  await store.set(keyOf(bound), asked, CODE_S)
  await enqueue(mailCode, { bound, ip })
  return { challenge }
}

/** The code is made here, and nowhere kept. */
export const mailCode = defineTask({
  name: 'mailCode',
  input: z.object({ bound: z.string(), ip: z.string() }),
  async run({ bound, ip }, job, deps: Deps) {
    const { config, db, sendMail, store } = deps
    const asked = await store.get<Asked>(keyOf(bound))
    const user = asked && (await findUserWithHash(db, asked.email))?.user
    if (!asked || !user || roles.isBarred(user.role))
      return job.log.info('no mail: there is no such account, it is disabled, or it is too late')
    const { id: userId, email: to } = user
    const purpose = purposeOf(asked.session)
    const by = asked.session ? undefined : { ip, own: await ownNetwork(db, user, ip) }
    if (await isFlooded(deps, job, { kind: purpose, to, asked: by })) return
    const kept: Asked = { ...asked, own: by?.own }
    await store.set(keyOf(bound), kept, CODE_S)
    const [random = 0n] = crypto.getRandomValues(new BigUint64Array(1))
    const code = String(random % 1_000_000n).padStart(6, '0')
    await db.transaction(async (tx) => {
      await lockUser(tx, userId) // of two that confirm at once the later one voids the other
      const due = await codes.request(tx, { userId, purpose, email: to, ip })
      await codes.issue(tx, due, await tokenOf(bound, code))
    })
    await sendMail(codeMail(config.name, to, code, asked.session ? TO_CONFIRM : TO_LOG_IN))
  },
})

const TO_LOG_IN = [
  'Somebody, probably you, wants to log in. Type this code where you were asked for it.',
  'If it was not you, ignore this mail: without the code nobody gets in.',
] as const
const TO_CONFIRM = [
  'In your account something was begun that only you may do. Type this code where you were asked for it.',
  'If it was not you, somebody else is logged in to your account: ask for a new password at once.',
] as const
const ONCE = 'The code works once, for ten minutes, and only where it was asked for. Tell it to nobody.'

/** The subject does not tell it: mail servers log subjects, and phones show them to all. */
function codeMail(service: string, to: string, code: string, [what, note]: readonly [string, string]) {
  const subject = `Your code for ${service}`
  return mailOf({
    service,
    to,
    subject,
    title: `Your code: ${code}`,
    paragraphs: [what],
    notes: [ONCE, note],
  })
}

/**
 * Spends a code: of two requests at once one gets it.
 * @param session in which it was asked for; undefined for a login
 * @throws wrongCode, rateLimitExceeded
 */
export async function takeCode(c: AppContext, given: z.output<typeof MailedCode>, session?: string) {
  const { db, digest, log, rateLimiter, store } = c.var
  const bound = digest(given.challenge)
  const asked = await store.get<Asked>(keyOf(bound))
  if (asked === undefined || asked.session !== session) throw wrongCode()
  const purpose = purposeOf(session)
  const key = [purpose, foldEmail(asked.email), asked.own].filter(Boolean).join(' ')
  const counters = [{ ...PER_CODE, key: bound }, ...PER_ACCOUNT.map((counter) => ({ ...counter, key }))]
  const { result } = await countAttempt(rateLimiter, counters, async () => {
    try {
      return await codes.spend(db, await tokenOf(bound, given.one_time_password), purpose)
    } catch (error) {
      if (isOfKind(error, tokenExpired)) return undefined
      throw error
    }
  })
  if (result !== undefined) return result
  log.warn('WRONG LOGIN CODE', { agent: agentOf(c) })
  throw wrongCode()
}
