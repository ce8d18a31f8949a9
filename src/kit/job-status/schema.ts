// Defines what a client sees of its job.
import { z } from 'zod'
import type { JobStatus } from '../jobs/status.ts'

export const JobResponse = z
  .object({
    id: z.string(),
    task: z.string(),
    state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
    cancellable: z.literal(true).optional().describe('While it waits or runs: DELETE cancels it.'),
    progress: z.number().min(0).max(1).optional().describe('While it runs: the part that is done.'),
    result: z.unknown().optional().describe('When it is done: its result.'),
    error: z.string().optional().describe('If it failed: why.'),
  })
  .meta({ id: 'Job' })

export type JobResponse = z.output<typeof JobResponse>

/** Leaves out the account, which is the caller's own. */
export const toJobResponse = ({
  id,
  task,
  state,
  cancellable,
  progress,
  result,
  error,
}: JobStatus): JobResponse => ({
  id,
  task,
  state,
  cancellable,
  progress,
  result,
  error,
})
