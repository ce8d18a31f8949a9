// Its tasks and its cron.
import { z } from 'zod'
import { defineCron } from '../../../src/jobs/cron.ts'
import { defineTask } from '../../../src/jobs/task.ts'
import type { Mail } from '../../../src/types/mail.ts'

interface Sends {
  sendMail(mail: Mail): Promise<void>
}

/** Greets a member by mail. */
export const greet = defineTask({
  name: 'greet',
  input: z.object({ email: z.string() }),
  keepResultMs: 60_000,
  async run({ email }, _job, { sendMail }: Sends) {
    await sendMail({ to: email, subject: 'Hello', text: 'Write something down.', html: '<p>Write.</p>' })
    return { greeted: email }
  },
})

export const tidy = defineTask({ name: 'tidy', input: z.object({}), run: () => {} })

export const tasks = [greet, tidy]

export const crons = [defineCron({ name: 'weekly', schedule: '0 3 * * 1', task: tidy, input: {} })]
