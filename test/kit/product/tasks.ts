// Its tasks.
import { z } from 'zod'
import { defineTask, FOR_DAYS } from '../../../src/kit/jobs/task.ts'
import { deleteExpired, type Deps } from './product.ts'
import { findMember } from './queries.ts'

/** Greets a member by mail. */
export const greet = defineTask({
  name: 'greet',
  input: z.object({ memberId: z.uuid() }),
  ...FOR_DAYS,
  keepResultMs: 60 * 60_000,
  async run({ memberId }, job, { db, sendMail }: Deps) {
    const member = await findMember(db, memberId)
    if (member === undefined) return job.log.info('nobody is there to greet')
    const { email } = member
    await sendMail({ to: email, subject: 'Hello', text: 'Write something down.', html: '<p>Write.</p>' })
    return { greeted: email }
  },
})

export const tidy = defineTask({
  name: 'tidy',
  input: z.object({}),
  run: (_input, _job, deps: Deps) => deleteExpired(deps),
})

export const tasks = [greet, tidy]
