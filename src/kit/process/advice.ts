// Advises on settings that work but should be changed: at each start, at each reload, and in the doctor.
import type { KitConfig } from '../config/kit-config.ts'
import { isUnverified } from '../config/urls.ts'
import { findLostReferences } from './environment.ts'

/** One sentence each, without a value. @param folder that holds `.env` @param env with what is set there */
export function adviceOnSettings(
  { production, mail, cookie, databaseUrl }: KitConfig,
  folder: string,
  env: Record<string, string | undefined>,
): string[] {
  const advice = findLostReferences(folder, env).map(
    (name) =>
      `${name} in .env holds a $ that is read as the name of another variable, which is not set: write \\$ for a dollar`,
  )
  if (isUnverified(databaseUrl)) {
    advice.push(
      'DATABASE_URL: this sslmode encrypts, and takes any certificate: write sslmode=verify-full, ' +
        'and NODE_EXTRA_CA_CERTS=<file> where the certificate is of an authority of your own',
    )
  }
  if (production && mail.smtpUrl === undefined) advice.push('SMTP_URL is not set: no mail can be sent')
  if (production && !cookie.secure) {
    advice.push('COOKIE_SECURE is off: session cookies go over plain HTTP too. Set it to on behind TLS')
  }
  return advice
}
