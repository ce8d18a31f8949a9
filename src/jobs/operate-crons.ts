// What operators see of the crons, and a run of one now.
import type { Cron } from './cron.ts'
import type { Operations } from './operate.ts'
import type { Queue } from './queue.ts'
import type { Enqueued } from './task.ts'

export interface CronView extends Pick<Cron, 'name' | 'schedule' | 'timeZone' | 'task'> {
  /** The last tick that a worker has seen, Unix ms; undefined: none yet. */
  last: number | undefined
  /** Unix ms; Infinity if there is none. */
  next: number
}

export function createCronOperations(options: {
  crons: readonly Cron[]
  queue: Pick<Queue, 'send'>
  operations: Pick<Operations, 'lastTicks'>
}) {
  const { crons, queue, operations } = options
  return {
    /** All of them, in order of declaration. */
    async list(): Promise<CronView[]> {
      const ticks = await operations.lastTicks()
      const now = Date.now()
      return crons.map((cron) => {
        const { name, schedule, timeZone, task } = cron
        return { name, schedule, timeZone, task, last: ticks[name], next: cron.next(now) }
      })
    },

    /** Enqueues its job now; `added: false`: that of its last run has not ended. Undefined: there is no such cron. */
    async run(name: string): Promise<Enqueued | undefined> {
      const cron = crons.find((one) => one.name === name)
      return cron && (await queue.send(cron.prepare('now')))
    },
  }
}

export type CronOperations = ReturnType<typeof createCronOperations>
