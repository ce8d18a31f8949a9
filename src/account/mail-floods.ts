// Bounds how many mails go to one mailbox, in a way that closes none for its owner.
import { and, desc, eq } from 'drizzle-orm'
import { auditEvents } from '../kit/audit/table.ts'
import { clientNetwork } from '../kit/http/client-ip.ts'
import type { Job } from '../kit/jobs/task.ts'
import type { Db } from '../kit/types/db.ts'
import type { Deps } from './product.ts'
import type { User } from './queries.ts'
import { foldEmail } from './throttles.ts'

/** Mails of one kind to one mailbox in one hour: nobody's mailbox is flooded through us. */
const MAILS_PER_HOUR = 10
/** Of those that anybody may ask for, what a network gets that is a stranger's: a single one does not use up what all of them have. */
const MAILS_PER_STRANGER = 4
/** Logins that are looked at, the latest. */
const LOGINS = 500

/**
 * The network of somebody who asks for a mail, if the account has logged in from it before: what they ask for, and get wrong, counts apart
 * from what strangers do. Undefined for strangers, and for all while nobody has shown the mailbox: whoever signed up may be one.
 */
export async function ownNetwork(db: Db, { id, verified }: User, ip: string): Promise<string | undefined> {
  if (!verified) return undefined
  const { account, action, at } = auditEvents
  const logins = await db
    .select({ ip: auditEvents.ip })
    .from(auditEvents)
    .where(and(eq(account, id), eq(action, 'session.started')))
    .orderBy(desc(at))
    .limit(LOGINS)
  const network = clientNetwork(ip)
  return logins.some((login) => login.ip !== null && clientNetwork(login.ip) === network)
    ? network
    : undefined
}

/**
 * True if this mail is one too many. Each kind counts for itself: what strangers can have mailed to an owner uses up nothing
 * of what tells of a theft.
 * @param asked for a mail that anybody may ask for: by whom, and the `ownNetwork` that is
 */
export async function isFlooded(
  { config, rateLimiter }: Deps,
  { attempt, log }: Job,
  {
    kind,
    to,
    asked,
  }: { kind: string; to: string; asked?: { ip: string; own: string | undefined } | undefined },
): Promise<boolean> {
  if (!config.rateLimit.on || attempt > 1) return false
  const mailbox = foldEmail(to)
  const counter = {
    name: `mails-${kind}`,
    key: mailbox,
    limit: MAILS_PER_HOUR,
    seconds: 3600,
    settles: false,
  }
  const of = (network: string) => ({ ...counter, key: `${mailbox} ${network}` })
  const counters = asked?.own
    ? [of(asked.own)]
    : [counter, ...(asked ? [{ ...of(clientNetwork(asked.ip)), limit: MAILS_PER_STRANGER }] : [])]
  const { verdict } = await rateLimiter.take(counters)
  if (verdict === 'taken') return false
  log.warn('no mail: this mailbox got enough of this kind within the hour', { kind })
  return true
}
