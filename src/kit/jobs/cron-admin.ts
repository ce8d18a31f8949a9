// Shows operators the crons, and runs one now.
import type { Cron } from './cron.ts'
import type { QueueAdmin } from './queue-admin.ts'
import type { Queue } from './queue.ts'
import type { Enqueued } from './task.ts'

export interface CronView extends Pick<Cron, 'name' | 'schedule' | 'timeZone' | 'task'> {
  /** The last tick that a worker has seen, Unix ms; undefined: none yet. */
  last: number | undefined
  /** Unix ms; Infinity if there is none. */
  next: number
}

export function createCronAdmin(options: {
  crons: readonly Cron[]
  queue: Pick<Queue, 'send'>
  queueAdmin: Pick<QueueAdmin, 'lastTicks'>
}) {
  const { crons, queue, queueAdmin } = options
  return {
    /** All of them, in order of declaration. */
    async list(): Promise<CronView[]> {
      const ticks = await queueAdmin.lastTicks()
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

export type CronAdmin = ReturnType<typeof createCronAdmin>
