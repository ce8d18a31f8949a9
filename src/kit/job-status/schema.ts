// Defines what a client sees of its job.
import { z } from 'zod'
import type { JobStatus } from '../jobs/element.ts'

export const JobResponse = z
  .object({
    id: z.string(),
    task: z.string(),
    state: z.enum(['waiting', 'running', 'done', 'failed']),
    progress: z.number().min(0).max(1).optional().describe('While it runs: how far it is.'),
    result: z.unknown().optional().describe('What came of it, when it is done.'),
    error: z.string().optional().describe('Why it failed.'),
  })
  .meta({ id: 'Job' })

export type JobResponse = z.output<typeof JobResponse>

/** The status without the account that it belongs to: its owner knows. */
export const answerOf = ({ id, task, state, progress, result, error }: JobStatus): JobResponse => ({
  id,
  task,
  state,
  progress,
  result,
  error,
})
