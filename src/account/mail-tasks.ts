// Declares the tasks that mail links and notices to the owners of accounts.
import { z } from 'zod'
import type { OneTimeToken } from '../kit/auth/one-time-tokens.ts'
import { defineTask, FOR_DAYS, type Job } from '../kit/jobs/task.ts'
import type { Db } from '../kit/types/db.ts'
import { isFlooded, ownNetwork } from './mail-floods.ts'
import { addressTakenMail, linkMail, noticeMail, NOTICES, welcomeMail, type Notice } from './mails.ts'
import { linkTo, tokens, type Purpose } from './one-time-tokens.ts'
import type { Deps } from './product.ts'
import { findUser, findUserWithHash, isEmailTaken } from './queries.ts'
import { roles } from './roles.ts'

/** What waits for a person does not wait behind other work, and for as long as a mail server may be away. */
const MAIL = { queue: 'mail', ...FOR_DAYS }

/**
 * Mails the link of a token that was requested, unless it was voided meanwhile; with the welcome of a new account if `welcome`
 * says so. The token is made here, and nowhere kept.
 */
export const mailLink = defineTask({
  name: 'mailLink',
  input: z.object({ tokenId: z.uuid(), welcome: z.literal(true).optional() }),
  ...MAIL,
  async run({ tokenId, welcome }, job, deps: Deps) {
    const due = await tokens.pending(deps.db, tokenId)
    if (due === undefined) return job.log.info('no mail: the link was voided')
    if (await isFlooded(deps, job, { kind: due.purpose, to: due.email })) return
    await sendLink(deps, job, due, welcome && welcomeMail)
  },
})

/** Whoever has a mail sent, and from which address; from none: whoever runs the service. */
export type Asker = Pick<Deps, 'enqueue'> & { ip?: string }

/** Has a link mailed once the transaction commits. It voids the older of its purpose, as the rules of `tokens` say. */
export async function requestLink(
  { enqueue, ip = '' }: Asker,
  tx: Db,
  { welcome, ...due }: { welcome?: true } & Omit<Parameters<typeof tokens.request>[1], 'ip'>,
): Promise<string> {
  const { id: tokenId } = await tokens.request(tx, { ...due, ip })
  await enqueue(tx, mailLink, { tokenId, welcome })
  return tokenId
}

async function sendLink(
  { config, db, sendMail }: Deps,
  job: Job,
  due: OneTimeToken,
  mailOf?: typeof welcomeMail,
): Promise<void> {
  const to = due.email
  const purpose = due.purpose as Purpose
  const user = due.user_id === null ? undefined : await findUser(db, due.user_id)
  const isOpen = due.user_id === null || (user !== undefined && !roles.isBarred(user.role))
  const token = isOpen && (await tokens.issue(db, due))
  if (!token) return job.log.info('no mail: the link was voided, or its account is gone or disabled')
  // Only now: a link is due all the same, so that neither a resend nor an export tells whether an address is taken.
  if (purpose === 'email_change' && (await isEmailTaken(db, to, user?.id)))
    return sendMail(addressTakenMail({ service: config.name, to }))
  const { details } = due
  const letter = { service: config.name, to, user, details, url: linkTo(config, purpose, token) }
  await sendMail(mailOf?.(letter) ?? linkMail(purpose, letter))
}

/**
 * Mails the link to choose a new password, if there is such an account: the request that asks does not look, so that neither
 * its answer nor its duration tells.
 */
export const mailReset = defineTask({
  name: 'mailReset',
  input: z.object({ email: z.string(), ip: z.string() }),
  ...MAIL,
  async run({ email, ip }, job, deps: Deps) {
    const found = await findUserWithHash(deps.db, email)
    if (found === undefined) return job.log.info('no mail: there is no such account')
    const { id: userId, email: to } = found.user
    // Before a new link voids the one that was mailed last: who floods a mailbox must not lock its owner out.
    const asked = { ip, own: await ownNetwork(deps.db, found.user, ip) }
    if (await isFlooded(deps, job, { kind: 'forgot', to, asked })) return
    const token = { userId, purpose: 'reset', email: to, ip } as const
    const due = await deps.db.transaction((tx) => tokens.request(tx, token))
    await sendLink(deps, job, due)
  },
})

/** Tells an account's owner, or the mailbox of before, what was done. */
export const mailNotice = defineTask({
  name: 'mailNotice',
  input: z.object({
    to: z.string(),
    notice: z.enum(Object.keys(NOTICES) as Notice[]),
    at: z.iso.datetime(),
    ip: z.string(),
    deletes: z.iso.datetime().optional(),
  }),
  ...MAIL,
  async run(input, job, deps: Deps) {
    if (await isFlooded(deps, job, { kind: input.notice, to: input.to })) return
    await deps.sendMail(noticeMail({ service: deps.config.name, ...input }))
  },
})

/**
 * Has its owner, or the mailbox of before, told what this request has done, once the transaction commits. Without an address it was
 * whoever runs the service.
 */
export async function requestNotice(
  { enqueue, ip = '' }: Asker,
  tx: Db,
  to: string,
  notice: Notice,
  deletes?: Date,
): Promise<void> {
  const at = new Date().toISOString()
  await enqueue(tx, mailNotice, { to, notice, at, ip, deletes: deletes?.toISOString() })
}

/** Welcomes a new account whose email needs no verifying; else `mailLink` does. */
export const sendWelcome = defineTask({
  name: 'sendWelcome',
  input: z.object({ userId: z.uuid() }),
  ...MAIL,
  async run({ userId }, job, deps: Deps) {
    const user = await findUser(deps.db, userId)
    if (user === undefined) return job.log.info('no welcome mail: the account is gone')
    const { email: to } = user
    if (await isFlooded(deps, job, { kind: 'welcome', to })) return
    await deps.sendMail(welcomeMail({ service: deps.config.name, to, user }))
  },
})
