// Sends mails over SMTP; development without a server keeps them for a page instead.
import { createTransport } from 'nodemailer'
import type { KitConfig } from '../config/kit-config.ts'
import { KEPT_MAILS, type Mail } from '../types/mail.ts'
import type { Store } from '../types/store.ts'

const MAX_KEPT = 50

/** The returned function rejects if a mail could not be sent; the queue then retries the task. */
export function createMailer(config: KitConfig, store: Store): (mail: Mail) => Promise<void> {
  if (config.mail.smtpUrl !== undefined) {
    const transport = createTransport(config.mail.smtpUrl, { from: config.mail.from })
    return async (mail) => {
      await transport.sendMail({ ...mail })
    }
  }
  if (config.production) {
    return () => Promise.reject(new Error('SMTP_URL is not set: no mail can be sent'))
  }
  return async (mail) => {
    await store.append(
      KEPT_MAILS,
      { ...mail, from: config.mail.from, at: new Date().toISOString() },
      MAX_KEPT,
    )
  }
}
