// Seals what was written into the audit trail, so that a later change of it shows.
import { createHash } from 'node:crypto'
import { desc, sql } from 'drizzle-orm'
import type { KitDeps } from '../deps.ts'
import type { Db } from '../types/db.ts'
import { eventLines } from './events.ts'
import { auditSeals } from './table.ts'

type Seal = typeof auditSeals.$inferSelect

/** Before the first. */
const BEGINNING: Seal = { number: 0, until: '-infinity', events: 0, digest: '' }

/** The digest that the events between two seals have. */
async function digestOf(db: Db, { until: from, digest: before }: Seal, until: string) {
  const hash = createHash('sha256').update(before)
  let events = 0
  for await (const { line } of eventLines(db, { from, to: until })) {
    hash.update(line)
    events++
  }
  return { events, digest: hash.digest('hex') }
}

/**
 * Seals what is old enough, and what no open transaction can add to any more. No insert knows of it: a chain that each insert
 * continues would let them through one at a time. The digest goes to the log, which can be kept where nobody who changes the
 * database comes.
 */
export async function seal({ db, log }: Pick<KitDeps, 'db' | 'log'>, minutes: number): Promise<void> {
  const [last] = await db.select().from(auditSeals).orderBy(desc(auditSeals.number)).limit(1)
  const [settled] = await db.execute<{ until: string }>(sql`
    select least(now() - make_interval(mins => ${minutes}), min(xact_start))::text as until from pg_stat_activity
    where datname = current_database()`)
  const { until = '-infinity' } = settled ?? {}
  const before = last ?? BEGINNING
  const made = { number: before.number + 1, until, ...(await digestOf(db, before, until)) }
  if (made.events === 0) return
  await db.insert(auditSeals).values(last === undefined ? [before, made] : [made])
  log.info('AUDIT TRAIL SEALED', made)
}

/** Finds the seals whose events are others by now, were added to or are gone; `from` and `until` say between which moments. */
export async function verifySeals(db: Db) {
  const [first = BEGINNING, ...seals] = await db.select().from(auditSeals).orderBy(auditSeals.number)
  const broken: (Seal & { from: string; found: number })[] = []
  let last = first
  let events = 0
  for (const one of seals) {
    const found = await digestOf(db, last, one.until)
    if (found.digest !== one.digest) broken.push({ ...one, from: last.until, found: found.events })
    events += found.events
    last = one
  }
  return { since: first.until, events, last, broken }
}
