// Serves the export of one's own data: a job that its account follows, and whose result is the data.
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { accepted } from '../kit/job-status/accepted.ts'
import { JobResponse } from '../kit/job-status/schema.ts'
import { recordEvent } from './audit.ts'
import { lockOwnAccount } from './end-sessions.ts'
import { exportMyData } from './export-task.ts'
import { factory, requireRole } from './product.ts'

/** Within this time a request for an export gets the previous one. */
const EXPORT_AGAIN_S = 10 * 60

export const accountExport = factory
  .createApp()
  .post(
    '/me/export',
    noStore,
    doc('Starts a job whose result is all my data, and returns the job.', JobResponse, { status: 202 }),
    requireRole('readonly'),
    async (c) => {
      const { db, enqueue, jobStatus, session, store } = c.var
      const { userId } = session
      const id = await db.transaction(async (tx) => {
        await lockOwnAccount(c, tx) // so that of several requests at once one starts it
        const recent = await store.get<string>(`export:${userId}`)
        // An export costs a worker's time and half a megabyte of Redis, so an account cannot have one after the other.
        if (recent !== undefined && ((await jobStatus(recent))?.state ?? 'failed') !== 'failed') return recent
        await recordEvent(c, tx, { action: 'export.asked', account: userId })
        const started = await enqueue(exportMyData, { userId }, { by: userId })
        await store.set(`export:${userId}`, started.id, EXPORT_AGAIN_S)
        return started.id
      })
      return accepted(c, id)
    },
  )
