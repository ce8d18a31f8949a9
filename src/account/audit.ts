// Declares what the audit trail tells, and writes it: each change of an account adds an event, in its own transaction.
import { z } from 'zod'
import { type AuditEvent, type Author, writeEvent } from '../kit/audit/record.ts'
import type { Db } from '../kit/types/db.ts'
import type { LoggedInContext } from './product.ts'

/** Every action; one of yours is a line here. The words that people see are made of its name: "Role changed". */
export const ACTIONS = [
  'account.created',
  'session.started',
  'session.confirmed',
  'session.ended',
  'sessions.ended',
  'password.changed',
  'password.reset',
  'email.verified',
  'email.change_asked',
  'email.changed',
  'email.taken_back',
  'profile.edited',
  'token.made',
  'token.ended',
  'factor.added',
  'factor.removed',
  'factor.renewed',
  'factor.kept',
  'factor.undone',
  'factor.reset',
  'factor.attempts_used_up',
  'identity.linked',
  'identity.unlinked',
  'webhook.added',
  'webhook.changed',
  'webhook.secret_renewed',
  'webhook.deleted',
  'webhook.paused',
  'export.asked',
  'account.deletion_asked',
  'account.deletion_undone',
  'account.deleted',
  'role.changed',
  'impersonation.started',
  'impersonation.ended',
  'invitation.made',
  'invitation.withdrawn',
  'invitation.accepted',
  'account.changed',
  'audit.exported',
  'service.reloaded',
] as const

export type Action = (typeof ACTIONS)[number]

/**
 * Adds an event to the trail: `await recordEvent(c, tx, { action: 'role.changed', account: userId, details: { role } })`.
 * @param by the context of the request, `{ command }` with the user of the operating system, or `{ job }` with a task's name
 * @param tx the transaction of what it tells
 */
export const recordEvent: (by: Author, tx: Db, event: AuditEvent<Action>) => Promise<void> = writeEvent

/** Records what this request does to its own account in Redis: an event that cannot be written keeps it from being done. */
export const recordWith = <T>(
  c: LoggedInContext,
  event: Omit<AuditEvent<Action>, 'account'>,
  change: () => Promise<T>,
): Promise<T> => {
  return c.var.db.transaction(async (tx) => {
    await recordEvent(c, tx, { ...event, account: c.var.session.userId })
    return change()
  })
}

/** The words for an action: `Role changed`. */
export const wordsOf = (action: string): string =>
  action.charAt(0).toUpperCase() + action.slice(1).replaceAll(/[._]/g, ' ')

const Moment = z
  .string()
  .max(40, { abort: true })
  .check(z.iso.datetime({ offset: true }))
  .refine((moment) => moment > '0001')

/** Between which moments events are asked for. */
export const AuditRange = z.object({
  from: Moment.describe('The first moment.'),
  to: Moment.describe('The first moment that is left out.'),
})
