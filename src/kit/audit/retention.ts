// Keeps the audit trail by its rules, once an hour: seals what is new, and deletes what is older than AUDIT_DAYS.
import { desc, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { KitDeps } from '../deps.ts'
import { defineTask } from '../jobs/task.ts'
import type { Db } from '../types/db.ts'
import { seal } from './seals.ts'
import { auditEvents, auditSeals } from './table.ts'

const BATCH = 1000
/** Longer than a transaction lasts, should one be hidden from this role. */
const SEALED_AFTER_MIN = 60

export const keepAuditTrail = defineTask({
  name: 'keepAuditTrail',
  input: z.object({}),
  async run(_input, { signal }, deps: KitDeps) {
    await seal(deps, SEALED_AFTER_MIN)
    await deleteOldEvents(deps.db, deps.config.auditDays, signal)
  },
})

/** Deletes whole seals with their events; the last of them stays, from which the next one is verified. */
export async function deleteOldEvents(db: Db, days: number, signal: AbortSignal): Promise<void> {
  const [end] = await db
    .select()
    .from(auditSeals)
    .where(lt(auditSeals.until, sql`now() - make_interval(days => ${days})`))
    .orderBy(desc(auditSeals.number))
    .limit(1)
  if (end === undefined) return
  await db.delete(auditSeals).where(lt(auditSeals.number, end.number))
  const { at, id } = auditEvents
  // Once, and without a lock: events never change, and this role may be one that cannot change them.
  const oldest = db
    .select({ ctid: sql`ctid` })
    .from(auditEvents)
    .where(lt(at, sql`${end.until}`))
    .orderBy(at, id)
    .limit(BATCH)
  let deleted
  do {
    signal.throwIfAborted()
    deleted = await db
      .delete(auditEvents)
      .where(sql`ctid = any(array${oldest})`)
      .returning({ id })
  } while (deleted.length === BATCH)
}
