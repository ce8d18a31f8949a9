// Advises on settings that work but should be changed: at each start, at each reload, and in the doctor.
import type { KitConfig } from '../config/kit-config.ts'
import { isGuessable, isReadableOnTheWay, isUnverified } from '../config/urls.ts'
import { findLostReferences } from './environment.ts'

/** One sentence each, without a value. @param folder that holds `.env` @param env with what is set there */
export function adviceOnSettings(
  { name, production, mail, cookie, databaseUrl, databaseReplicaUrl, redisUrl, log }: KitConfig,
  folder: string,
  env: Record<string, string | undefined>,
): string[] {
  const advice = findLostReferences(folder, env).map(
    (variable) =>
      `${variable} in .env holds a $ that is read as the name of another variable, which is not set: write \\$ for a dollar`,
  )
  const unverified = Object.entries({ DATABASE_URL: databaseUrl, DATABASE_REPLICA_URL: databaseReplicaUrl })
    .filter(([, url]) => url !== undefined && isUnverified(url))
    .map(([variable]) => variable)
  if (unverified.length > 0) {
    advice.push(
      `${unverified.join(', ')}: this sslmode encrypts, and takes any certificate: write sslmode=verify-full, ` +
        'and NODE_EXTRA_CA_CERTS=<file> where the certificate is of an authority of your own',
    )
  }
  if (production && mail.smtpUrl === undefined) advice.push('SMTP_URL is not set: no mail can be sent')
  if (production && !cookie.secure) {
    advice.push('COOKIE_SECURE is off: session cookies go over plain HTTP too. Set it to on behind TLS')
  }
  const urls = {
    DATABASE_URL: databaseUrl,
    DATABASE_REPLICA_URL: databaseReplicaUrl,
    REDIS_URL: redisUrl,
    SMTP_URL: mail.smtpUrl,
    LOG_SYSLOG: log.syslog,
  }
  const those = (is: (url: string) => boolean) =>
    Object.entries(urls).flatMap(([variable, url]) => (production && url && is(url) ? variable : []))
  const readable = those(isReadableOnTheWay)
  if (readable.length > 0)
    advice.push(`${readable.join(', ')}: this leaves the machine in clear. ${ENCRYPTED}`)
  const guessable = those((url) => isGuessable(url, name))
  if (guessable.length > 0)
    advice.push(`${guessable.join(', ')}: this password is tried first. Take one made at random`)
  return advice
}

const ENCRYPTED =
  'Within a private network you may leave it; else write sslmode=verify-full, rediss://, smtps:// or ?requireTLS=true, ' +
  'and have the lines for syslog forwarded by this machine'
