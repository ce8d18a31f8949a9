// Serves the actions of operators: each form redirects to the page, which says once what was done.
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import type { KitDeps } from '../deps.ts'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { validate } from '../http/validate.ts'
import { QUEUE_NAME } from '../types/queue-defaults.ts'
import { leaveNotice } from '../pages/notice.ts'
import { textOf } from './parts.tsx'
import { urlOf, View } from './view.ts'

const JobForm = View.extend({ job: z.string().min(1) })
const QueueForm = View.extend({ queue: z.string().regex(QUEUE_NAME).optional() })
const CronForm = View.extend({ cron: z.string().min(1) })

/** What was done, in words, and the section of the page that shows it. */
type Done = [notice: string, section?: string]

/** @param operator admits operators only */
export function actions(operator: MiddlewareHandler) {
  const app = appFactory().createApp()
  const action = <S extends z.ZodType<View>>(
    path: string,
    summary: string,
    form: S,
    act: (deps: Pick<KitDeps, 'queueAdmin' | 'cronAdmin'>, input: z.output<S>) => Promise<Done>,
  ) =>
    app.post(path, doc(summary, null, { status: 303 }), operator, validate('form', form), async (c) => {
      const input = c.req.valid('form')
      const [notice, section] = await act(c.var, input)
      await leaveNotice(c, notice)
      return c.redirect(urlOf(input, section), 303)
    })

  action(
    '/retry',
    'Puts a dead or delayed job back at the front of the queue.',
    JobForm,
    async ({ queueAdmin }, { job: id }) => {
      const moved = await queueAdmin.retry({ id })
      return [`${named(id)} ${moved > 0 ? 'is back in the queue' : 'does not exist any more'}`, 'dead']
    },
  )

  action(
    '/drop',
    'Drops a job; a running one is told to stop.',
    JobForm,
    async ({ queueAdmin }, { job: id }) => {
      const dropped = await queueAdmin.drop(id)
      return [`${named(id)} ${dropped ? 'was dropped' : 'does not exist any more'}`, 'dead']
    },
  )

  const hold = (verb: 'pause' | 'resume', summary: string, done: string) =>
    action(`/${verb}`, summary, QueueForm, async ({ queueAdmin }, { queue }) => {
      const isKnown = await queueAdmin[verb](queue)
      const which = queue === undefined ? '' : ` ${queue}`
      return [isKnown ? done.replace(':', `${which}:`) : `There is no queue${which}`, queue && 'queues']
    })
  hold(
    'pause',
    'Pauses a queue, or all: workers take no more jobs.',
    'Paused: workers finish their running jobs and take no more',
  )
  hold('resume', 'Resumes a queue, or all: workers take jobs again.', 'Resumed: workers take jobs again')

  action('/run', 'Enqueues the job of a cron now.', CronForm, async ({ cronAdmin }, { cron }) => {
    const enqueued = await cronAdmin.run(cron)
    const name = textOf(cron, 100)
    if (enqueued === undefined) return [`There is no cron ${name}`, 'crons']
    const isHeld = enqueued.added ? '' : ' already: its previous run has not ended'
    return [`${name} is in the queue${isHeld}`, 'crons']
  })

  return app
}

const named = (id: string) => `Job ${textOf(id, 100)}`
