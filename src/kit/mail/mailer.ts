// Mail: sent by SMTP; without a server, in development, kept to be read on a page.
import { createTransport } from 'nodemailer'
import type { KitConfig } from '../config/kit-config.ts'
import { KEPT_MAILS, type Mail } from '../types/mail.ts'
import type { Store } from '../types/store.ts'

const MAX_KEPT = 50

/** Sends a mail, or rejects: then the task is tried again. */
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
