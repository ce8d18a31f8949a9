// Answers for a route that has enqueued a job.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from '../http/env.ts'
import { unavailable } from '../types/api-error.ts'
import { answerOf } from './schema.ts'

/**
 * 202: where the caller can ask how the job is doing, and how it is doing now.
 * The job was enqueued with `by`, and its task has `keepResultMs`: there is nothing to ask for otherwise.
 */
export async function accepted(context: AnyContext, id: string) {
  const c: Context<AppEnv> = context
  const job = await c.get('jobStatus')(id)
  if (job === undefined) {
    // A task without keepResultMs, always; else a Redis that has just lost what it was told.
    c.get('log').warn('a job has no status: its task needs keepResultMs, or Redis has lost it', { job: id })
    throw unavailable('The job cannot be followed right now, please try again')
  }
  return c.json(answerOf(job), 202, { Location: `/api/jobs/${id}` })
}
