// Exports everything that the service holds about an account: a job that it follows, and whose result is one JSON value.
import { z } from 'zod'
import { publicActivity } from '../kit/audit/events.ts'
import { auditEvents } from '../kit/audit/table.ts'
import { collectUpTo, findOwnedTables, ownedRows, type Schema } from '../kit/data/owned-rows.ts'
import { keyOf } from '../kit/data/pages-by-key.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { accepted } from '../kit/job-status/accepted.ts'
import { JobResponse } from '../kit/job-status/schema.ts'
import type { JobStatus } from '../kit/jobs/status.ts'
import { defineTask, type Job } from '../kit/jobs/task.ts'
import { recordEvent } from './audit.ts'
import { lockOwnAccount } from './end-sessions.ts'
import { factory, requireRole, type Deps, type LoggedInContext } from './product.ts'
import { findUser } from './queries.ts'
import { users } from './table.ts'

/** Bytes of JSON: until it expires, the result takes memory of Redis. */
const MAX_SIZE = 512 * 1024

/** Longer than a job can wait and its result is kept. */
const REMEMBERED_S = 2 * 24 * 60 * 60

/** The parts of an export that are no tables. */
const OWN_PARTS = new Set(['account', 'sessions', 'exported', 'incomplete', 'activity'])

/** What an export needs: `schema` holds every table of the service and what each declares. */
export type ExportDeps = Pick<Deps, 'db' | 'sessions'> & { schema: Schema }

/**
 * Collects the account, its live sessions, and its rows in every table that refers to accounts, with the fields that the
 * table declares. Beyond half a megabyte rows are left out and `incomplete` names the parts they are missing from: the
 * lists of the API have them. Undefined if the account is gone.
 */
export async function exportAccount(
  { db, sessions, schema }: ExportDeps,
  userId: string,
  job: Pick<Job, 'log' | 'progress' | 'signal'>,
) {
  const account = await findUser(db, userId)
  if (account === undefined) return undefined
  const identities = await sessions.allOf(userId)
  // Field by field: a session's data and its key must not leave the service.
  const logins = identities
    .toSorted((a, b) => b.loginAt - a.loginAt)
    .map(({ loginAt, ip, agent, way }) => ({ loggedIn: new Date(loginAt), ip, agent, way }))
  const { owned, leftOut } = findOwnedTables(schema, users)
  const sources: Record<string, Iterable<object> | AsyncIterable<object>> = { sessions: logins }
  for (const [name, table] of Object.entries(owned)) {
    if (OWN_PARTS.has(name)) leftOut.push(`${name} is a part of its own: rename the table`)
    else sources[name] = ownedRows(db, table, userId, job.signal)
  }
  const { account: owner } = auditEvents
  const { columns } = publicActivity
  const trail = { table: auditEvents, columns, owner, key: keyOf(auditEvents) }
  sources.activity = ownedRows(db, trail, userId, job.signal)
  if (leftOut.length > 0) job.log.warn('some tables that refer to accounts are not exported', { leftOut })
  const { collected, incomplete } = await collectUpTo(MAX_SIZE, sources, job)
  return { exported: new Date(), account, ...collected, incomplete }
}

/** The keys of the job of an account's export: of one that was just asked for, and of the one that is kept. */
const exportKeys = (userId: string) => ({ recent: `export:${userId}`, kept: `export:kept:${userId}` })

/** Forgets the exports of an account that is deleted. */
export async function forgetExports({ store, forgetJob }: Pick<Deps, 'store' | 'forgetJob'>, userId: string) {
  for (const key of Object.values(exportKeys(userId))) {
    const id = await store.get<string>(key)
    if (id !== undefined) await forgetJob(id)
    await store.delete(key)
  }
}

/** Only that account can read the result. */
export const exportMyData = defineTask({
  name: 'exportMyData',
  input: z.object({ userId: z.uuid() }),
  unique: ({ userId }) => userId,
  keepResultMs: 60 * 60 * 1000,
  async run({ userId }, job, deps: Deps & ExportDeps) {
    const data = await exportAccount(deps, userId, job)
    // Asked again: whatever is kept from now on, the job that deletes the account may have passed already.
    if (!data || !(await findUser(deps.db, userId))) return job.log.info('the account is gone')
    // Only the newest is kept. Two never run at once: the task is unique per account.
    const key = exportKeys(userId).kept
    const earlier = await deps.store.get<string>(key)
    if (earlier !== undefined && earlier !== job.id) await deps.forgetJob(earlier)
    await deps.store.set(key, job.id, REMEMBERED_S)
    return data
  },
})

/** Within this time a request for an export gets the previous one. */
const EXPORT_AGAIN_S = 10 * 60

/** Returns the id of the job. An export costs a worker's time and half a megabyte of Redis: no account has one after the other. */
export function startExport(c: LoggedInContext): Promise<string> {
  const { db, enqueue, session, store } = c.var
  const { userId } = session
  return db.transaction(async (tx) => {
    await lockOwnAccount(c, tx) // so that of several requests at once one starts it
    const recent = await recentExport(c)
    if (recent !== undefined && recent.state !== 'failed') return recent.id
    await recordEvent(c, tx, { action: 'export.asked', account: userId })
    const { id } = await enqueue(exportMyData, { userId }, { by: userId })
    await store.set(exportKeys(userId).recent, id, EXPORT_AGAIN_S)
    return id
  })
}

/** The job of an export that was asked for a short while ago. */
export async function recentExport(c: LoggedInContext): Promise<JobStatus | undefined> {
  const id = await c.var.store.get<string>(exportKeys(c.var.session.userId).recent)
  return id === undefined ? id : c.var.jobStatus(id)
}

export const accountExport = factory
  .createApp()
  .post(
    '/me/export',
    noStore,
    doc('Starts a job whose result is all my data, and returns the job.', JobResponse, { status: 202 }),
    requireRole('readonly'),
    async (c) => accepted(c, await startExport(c)),
  )
