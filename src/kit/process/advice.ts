// Advises on settings that work but should be changed: at each start, at each reload, and in the doctor.
import type { KitConfig } from '../config/kit-config.ts'
import { isGuessable, isReadableOnTheWay, isUnverified } from '../config/urls.ts'
import { findLostReferences } from './environment.ts'

/** One sentence each, without a value. @param folder that holds `.env` @param env with what is set there */
export function adviceOnSettings(
  config: KitConfig,
  folder: string,
  env: Record<string, string | undefined>,
): string[] {
  const { production, mail, cookie, databaseUrl } = config
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
  return production ? [...advice, ...adviceOnServices(config)] : advice
}

function adviceOnServices(config: KitConfig): string[] {
  const { name, databaseUrl, migrateDatabaseUrl, redisUrl, mail, log } = config
  const urls = {
    DATABASE_URL: databaseUrl,
    MIGRATE_DATABASE_URL: migrateDatabaseUrl === databaseUrl ? undefined : migrateDatabaseUrl,
    REDIS_URL: redisUrl,
    SMTP_URL: mail.smtpUrl,
    LOG_SYSLOG: log.syslog,
  }
  const those = (is: (url: string) => boolean) =>
    Object.entries(urls).flatMap(([variable, url]) => (url !== undefined && is(url) ? variable : []))
  const readable = those(isReadableOnTheWay).join(', ')
  const guessable = those((url) => isGuessable(url, name)).join(', ')
  return [
    ...(readable === '' ? [] : [`${readable}: this leaves the machine unencrypted. ${ENCRYPTED}`]),
    ...(guessable === '' ? [] : [`${guessable}: this password is tried first. Take one made at random`]),
  ]
}

const ENCRYPTED =
  'Write sslmode=verify-full, rediss://, smtps:// or ?requireTLS=true, and let syslog be forwarded from this machine; ' +
  'within a private network you may leave it'
