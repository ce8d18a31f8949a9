// The answer of a route that has enqueued a job.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from '../web/factory.ts'
import { answerOf } from './schema.ts'

/**
 * 202: where the caller can ask how the job is doing, and how it is doing now.
 * The job was enqueued with `by`, and its task has `keepResultMs`: there is nothing to ask for otherwise.
 */
export async function accepted(context: AnyContext, id: string) {
  const c: Context<AppEnv> = context
  const job = await c.get('jobStatus')(id)
  if (job === undefined) throw new Error(`job ${id} has no status: its task needs keepResultMs`)
  return c.json(answerOf(job), 202, { Location: `/api/jobs/${id}` })
}
