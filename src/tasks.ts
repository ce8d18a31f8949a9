// Every background task. A task may run twice (its worker can die before it says that it is done): each must bear that.
import { z } from 'zod'
import { countUsersSince, findUser } from './account/queries.ts'
import { welcomeMail } from './account/welcome-mail.ts'
import type { Deps } from './deps.ts'
import { defineTask } from './jobs/task.ts'

/** Sends the welcome mail to an account, if it still exists. */
export const sendWelcome = defineTask({
  name: 'sendWelcome',
  input: z.object({ userId: z.uuid() }),
  async run({ userId }, job, { config, db, sendMail }: Deps) {
    const user = await findUser(db, userId)
    if (user === undefined) return job.log.info('the account is gone, and so is its welcome mail')
    await sendMail(await welcomeMail(user, config.name))
  },
})

const PERIODS = { minute: 60, hour: 60 * 60, day: 24 * 60 * 60 }

/** Logs how many accounts there are, and how many are new: what the sample crons run. */
export const countAccounts = defineTask({
  name: 'countAccounts',
  input: z.object({ period: z.enum(['minute', 'hour', 'day']) }),
  async run({ period }, job, { db }: Deps) {
    const counts = await countUsersSince(db, new Date(Date.now() - PERIODS[period] * 1000))
    job.log[period === 'minute' ? 'debug' : 'info'](
      `accounts: ${counts.all}, new in the last ${period}: ${counts.fresh}`,
    )
  },
})

/** What a worker can run. */
export const tasks = [sendWelcome, countAccounts]
