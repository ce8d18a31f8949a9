// Declares the tasks that mail links and notices to the owners of accounts.
import { z } from 'zod'
import { defineTask, FOR_DAYS, type Job } from '../kit/jobs/task.ts'
import { addressTakenMail, LINK_MAILS, noticeMail, NOTICES, welcomeMail, type Notice } from './mails.ts'
import { linkTo, tokens, type Purpose } from './one-time-tokens.ts'
import type { Deps } from './product.ts'
import { findUser, findUserWithHash, isEmailTaken } from './queries.ts'
import { roles } from './roles.ts'
import { foldEmail } from './throttles.ts'

/** Mails with a link to one mailbox in one hour, whoever asks for them: nobody's mailbox is flooded through us. */
const LINKS_PER_HOUR = 10

/** Mails the link of a token that was requested, unless it was voided meanwhile. The token is made here, and nowhere kept. */
export const mailLink = defineTask({
  name: 'mailLink',
  input: z.object({ tokenId: z.uuid() }),
  ...FOR_DAYS,
  run: ({ tokenId }, job, deps: Deps) => sendLink(tokenId, job, deps),
})

async function sendLink(tokenId: string, job: Job, deps: Deps): Promise<void> {
  const { config, db, sendMail } = deps
  const due = await tokens.pending(db, tokenId)
  const user = due && (await findUser(db, due.user_id))
  if (due === undefined || user === undefined || roles.isBarred(user.role))
    return job.log.info('no mail: the link was voided, or its account is gone or disabled')
  const { email: to, purpose } = due
  if (job.attempt === 1 && (await isFlooded(deps, to)))
    return job.log.warn('no mail: this mailbox got enough links within the hour', { user: user.id })
  if (purpose === 'email_change' && (await isEmailTaken(db, to, user.id)))
    return sendMail(addressTakenMail({ service: config.name, to }))
  const token = await tokens.issue(db, due)
  if (token === undefined) return
  const url = linkTo(config, purpose as Purpose, token)
  await sendMail(LINK_MAILS[purpose as Purpose]({ service: config.name, to, user, url }))
}

async function isFlooded({ config, rateLimiter }: Deps, email: string): Promise<boolean> {
  if (!config.rateLimit.on) return false
  const links = { name: 'links', key: foldEmail(email), limit: LINKS_PER_HOUR, seconds: 3600, settles: false }
  return (await rateLimiter.take([links])).verdict !== 'taken'
}

/**
 * Mails the link to choose a new password, if there is such an account: the request that asks does not look, so that neither
 * its answer nor its duration tells.
 */
export const mailReset = defineTask({
  name: 'mailReset',
  input: z.object({ email: z.string(), ip: z.string() }),
  ...FOR_DAYS,
  async run({ email, ip }, job, deps: Deps) {
    const found = await findUserWithHash(deps.db, email)
    if (found === undefined) return job.log.info('no mail: there is no such account')
    const { id: userId, email: mailbox } = found.user
    const token = { userId, purpose: 'reset', email: mailbox, ip } as const
    await sendLink(await deps.db.transaction((tx) => tokens.request(tx, token)), job, deps)
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
  }),
  ...FOR_DAYS,
  run: (input, _job, { config, sendMail }: Deps) => sendMail(noticeMail({ service: config.name, ...input })),
})

/** Welcomes a new account, with the link that verifies its email if one is due. */
export const sendWelcome = defineTask({
  name: 'sendWelcome',
  input: z.object({ userId: z.uuid(), tokenId: z.uuid().optional() }),
  ...FOR_DAYS,
  async run({ userId, tokenId }, job, { config, db, sendMail }: Deps) {
    const user = await findUser(db, userId)
    if (user === undefined) return job.log.info('no welcome mail: the account is gone')
    const due = tokenId === undefined ? undefined : await tokens.pending(db, tokenId)
    const token = due && (await tokens.issue(db, due))
    const url = token === undefined ? undefined : linkTo(config, 'verify', token)
    await sendMail(welcomeMail({ service: config.name, to: user.email, user, ...(url && { url }) }))
  },
})
