// Every background task. A task may run twice (its worker can die before it says that it is done): each must bear that.
import { z } from 'zod'
import { exportAccount, type ExportDeps, forgetEarlierExport } from './account/export.ts'
import type { Deps } from './account/product.ts'
import { countUsersSince, findUser } from './account/queries.ts'
import { welcomeMail } from './account/welcome-mail.ts'
import type { DeadJob } from './kit/jobs/dead.ts'
import { defineTask, FOR_DAYS } from './kit/jobs/task.ts'

/** What a task may count on. */
export type TaskDeps = Deps & ExportDeps

/** Sends the welcome mail to an account, if it still exists. */
export const sendWelcome = defineTask({
  name: 'sendWelcome',
  input: z.object({ userId: z.uuid() }),
  ...FOR_DAYS,
  async run({ userId }, job, { config, db, sendMail }: Deps) {
    const user = await findUser(db, userId)
    if (user === undefined) return job.log.info('the account is gone, and so is its welcome mail')
    await sendMail(await welcomeMail(user, config.name))
  },
})

/** Collects what the service holds of an account; only that account can read the result. */
export const exportMyData = defineTask({
  name: 'exportMyData',
  input: z.object({ userId: z.uuid() }),
  unique: ({ userId }) => userId,
  keepResultMs: 60 * 60 * 1000,
  async run({ userId }, job, deps: TaskDeps) {
    const data = await exportAccount(deps, userId, job)
    await forgetEarlierExport(deps, userId, job.id)
    return data ?? job.log.info('the account is gone')
  },
})

const PERIODS = { minute: 60, hour: 60 * 60, day: 24 * 60 * 60 }

/** Logs how many accounts are new: what the sample crons run. All of them would be a count of every row. */
export const countAccounts = defineTask({
  name: 'countAccounts',
  input: z.object({ period: z.enum(['minute', 'hour', 'day']) }),
  async run({ period }, job, { db }: Deps) {
    const count = await countUsersSince(db, new Date(Date.now() - PERIODS[period] * 1000))
    job.log[period === 'minute' ? 'debug' : 'info'](`new accounts in the last ${period}: ${count}`)
  },
})

/** What a worker can run. */
export const tasks = [sendWelcome, exportMyData, countAccounts]

/**
 * Told once of each job that is given up: the place for a mail or a chat. Log, metrics and the operators' page have it
 * already. What it throws is logged and changes nothing.
 */
export function onDead(_job: DeadJob, _deps: Deps): Promise<unknown> | void {
  // await deps.sendMail({ to: 'operators@example.com', subject: `${job.task} is dead`, text: job.error ?? '' })
}
