// The app with a worker that mails, and the mailboxes of its accounts.
import { KEPT_MAILS, type Mail } from '../../src/kit/types/mail.ts'
import { until } from '../kit/support/until.ts'
import { startApp } from './harness.ts'
import { startTestWorker } from './worker.ts'

/** `close` stops both. */
export async function startWithMail(env: Record<string, string> = {}) {
  const app = await startApp(env)
  const worker = await startTestWorker(app)
  const read = new Set<string>()

  /** All mails that have come to an address, the newest last. */
  const mailsTo = async (email: string) =>
    (await app.deps.store.all<Mail & { at: string }>(KEPT_MAILS)).filter(({ to }) => to === email)

  /** The next mail to an address that no call has returned yet, whose subject holds this. */
  const nextMail = (email: string, subject: string) =>
    until(`the mail "${subject}" to ${email}`, async () => {
      const mail = (await mailsTo(email)).find(
        (one) => one.subject.includes(subject) && !read.has(keyOf(one)),
      )
      if (mail !== undefined) read.add(keyOf(mail))
      return mail
    })

  return {
    ...app,
    mailsTo,
    nextMail,
    /** The token in the link of that mail. */
    nextToken: async (email: string, subject: string) => tokenIn(await nextMail(email, subject)),
    async close() {
      await worker.stop()
      await app.close()
    },
  }
}

export type AppWithMail = Awaited<ReturnType<typeof startWithMail>>

export function tokenIn({ text }: Pick<Mail, 'text'>): string {
  const [, token] = /token=([0-9a-f]{64})$/m.exec(text) ?? []
  if (token === undefined) throw new Error(`there is no link in this mail: ${text}`)
  return token
}

const keyOf = (mail: Mail & { at: string }) => JSON.stringify(mail)
