// Responds for a route that has enqueued a job.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from '../http/env.ts'
import { unavailable } from '../types/api-error.ts'
import { toJobResponse } from './schema.ts'

/**
 * Responds with 202, the address of the job's status, and its current status. The job must be enqueued with `by`, and its
 * task must have `keepResultMs`: otherwise there is no status.
 */
export async function accepted(context: AnyContext, id: string) {
  const c: Context<AppEnv> = context
  const job = await c.get('jobStatus')(id)
  if (job === undefined) {
    // Always for a task without keepResultMs; else Redis has just lost the job.
    c.get('log').warn('a job has no status: its task needs keepResultMs, or Redis has lost it', { job: id })
    throw unavailable('The status of the job is not available right now, please try again')
  }
  return c.json(toJobResponse(job), 202, { Location: `/api/jobs/${id}` })
}
