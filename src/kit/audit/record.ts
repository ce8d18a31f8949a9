// Writes an event into the audit trail, in the transaction of what it tells.
import type { AnyContext } from '../http/env.ts'
import type { Session } from '../http/live-session.ts'
import { agentOf } from '../http/session.ts'
import { maskEmails } from '../log/redact.ts'
import type { Db } from '../types/db.ts'
import { auditEvents, type EventDetails } from './table.ts'

export interface AuditEvent<Action extends string = string> {
  action: Action
  /** The id of the account that it is about; null for none. */
  account: string | null
  details?: EventDetails
}

/** Who does it: whoever sent the request, the user of the operating system who runs a command, or a task by its name. */
export type Author = AnyContext | { command: string } | { job: string }

/** Adds an event; `tx` is the transaction of what it tells, so that neither is there without the other. */
export async function writeEvent(by: Author, tx: Db, event: AuditEvent): Promise<void> {
  await tx.insert(auditEvents).values({ ...event, ...originOf(by) })
}

function originOf(by: Author): Partial<typeof auditEvents.$inferInsert> {
  if ('command' in by) return { by: `command ${by.command}` }
  if ('job' in by) return { by: `job ${by.job}` }
  const session: Session | null = by.get('session')
  const { userId, impersonator, access } = session ?? {}
  return {
    actor: impersonator ?? userId ?? null,
    as_account: impersonator === undefined ? null : (userId ?? null),
    by: access === undefined ? null : `token ${access.id}`,
    ip: by.get('ip'),
    agent: maskEmails(agentOf(by)), // programs name whom to ask: the trail outlives the account
    request_id: by.get('requestId'),
  }
}
