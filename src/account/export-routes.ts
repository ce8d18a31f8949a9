// Serves the export of one's own data: a job that its account follows, and whose result is the data.
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { accepted } from '../kit/job-status/accepted.ts'
import { JobResponse } from '../kit/job-status/schema.ts'
import type { JobStatus } from '../kit/jobs/element.ts'
import { exportKeys } from './export.ts'
import { recordEvent } from './audit.ts'
import { lockOwnAccount } from './end-sessions.ts'
import { exportMyData } from './export-task.ts'
import { factory, type LoggedInContext, requireRole } from './product.ts'

/** Within this time a request for an export gets the previous one. */
const EXPORT_AGAIN_S = 10 * 60

/** Returns the id of the job. An export costs a worker's time and half a megabyte of Redis: no account has one after the other. */
export function startExport(context: AnyContext): Promise<string> {
  const c: LoggedInContext = context
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
export async function recentExport(context: AnyContext): Promise<JobStatus | undefined> {
  const c: LoggedInContext = context
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
