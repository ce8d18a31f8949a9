// Serves the export of one's own data: a job that its account follows, and whose result is the data.
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { accepted } from '../kit/job-status/accepted.ts'
import { JobResponse } from '../kit/job-status/schema.ts'
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
      const { enqueue, jobStatus, session, store } = c.var
      const { userId } = session
      const recent = await store.get<string>(`export:${userId}`)
      // An export costs a worker's time and half a megabyte of Redis, so an account cannot have one after the other.
      if (recent !== undefined && ((await jobStatus(recent))?.state ?? 'failed') !== 'failed') {
        return accepted(c, recent)
      }
      const { id } = await enqueue(exportMyData, { userId }, { by: userId })
      await store.set(`export:${userId}`, id, EXPORT_AGAIN_S)
      return accepted(c, id)
    },
  )
