// Describes a worker for each heartbeat, and reads the description back for operators.
import { hostname } from 'node:os'
import type { RunningJob } from './running-job.ts'

export interface WorkerInfo {
  host: string
  pid: number
  concurrency: number
  /** Unix ms, by the worker's own clock. */
  startedAt: number
  beatAt: number
  stopping: boolean
  running: { id: string; task: string; attempt: number; startedAt: number; progress?: number }[]
}

export function describeWorker<D>(
  about: Pick<WorkerInfo, 'concurrency' | 'startedAt' | 'stopping'>,
  jobs: RunningJob<D>[],
): WorkerInfo {
  const running = jobs.map(({ id, element, attempt, startedAt, fraction: progress }) => {
    return { id, task: element.task, attempt, startedAt, progress }
  })
  return { ...about, host: hostname(), pid: process.pid, beatAt: Date.now(), running }
}

/** Anybody may write to Redis: undefined for what cannot be shown as a worker. */
export function parseWorkerInfo(text = ''): WorkerInfo | undefined {
  try {
    const info: WorkerInfo | null = JSON.parse(text)
    return info?.running.every(({ id }) => typeof id === 'string') ? info : undefined
  } catch {
    return undefined
  }
}
