// What a worker hands to each job that it runs.
import type { Tracer } from '@opentelemetry/api'
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { Log } from '../types/log.ts'
import type { Queue } from './queue.ts'

/** What a worker runs its jobs with. */
export interface Terms<D> {
  deps: D
  log: Log
  /** What a task gets to end after its timeout has fired its signal, ms. */
  graceMs: number
  describe: (error: unknown) => string
  report: ReportUnexpected
  tracer: Tracer | null
  /** Where its jobs lie. */
  queue: string
  /** Makes the jobs that follow. */
  prepare: Queue['prepare']
}
