// Keeps the status of running jobs up to date for their owners. Nothing depends on it: a failure is only logged.
import type { Redis } from 'ioredis'
import type { Log } from '../types/log.ts'
import { status } from './element.ts'
import type { Lifetime } from './lifetime.ts'
import type { RunningJob } from './running-job.ts'

/** @returns writes down how far a job is, if that is news to its owner */
export function createProgress(redis: Redis, base: string, log: Log, lifetime: Lifetime) {
  return <D>(job: RunningJob<D>): void => {
    if (!job.unseen) return
    job.unseen = false
    const shown = status(job.element, 'running', { progress: job.fraction ?? 0 })
    redis.set(`${base}r:${job.id}`, shown.status ?? '', 'PX', shown.keepMs ?? 1).catch((error: unknown) => {
      if (!lifetime.isOver) log.warn('job status not kept', { ...job.fields(), error })
    })
  }
}
