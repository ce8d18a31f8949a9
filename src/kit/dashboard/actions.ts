// Serves the actions of operators: each form redirects to the page, which says once what was done.
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { validate } from '../http/validate.ts'
import { redirectWithNotice } from './notice.ts'
import { textOf } from './parts.tsx'
import { View } from './view.ts'

const JobForm = View.extend({ job: z.string().min(1) })
const CronForm = View.extend({ cron: z.string().min(1) })

/** @param operator admits operators only */
export function actions(operator: MiddlewareHandler) {
  return appFactory()
    .createApp()

    .post(
      '/retry',
      doc('Puts a dead or delayed job back at the front of the queue.', null, { status: 303 }),
      operator,
      validate('form', JobForm),
      async (c) => {
        const { job: id, ...view } = c.req.valid('form')
        const moved = await c.var.queueAdmin.retry({ id })
        return redirectWithNotice(
          c,
          view,
          moved > 0 ? `${named(id)} is back in the queue` : `${named(id)} does not exist any more`,
          'dead',
        )
      },
    )

    .post(
      '/retry-all',
      doc('Puts all dead jobs back into the queue.', null, { status: 303 }),
      operator,
      validate('form', View),
      async (c) => {
        const moved = await c.var.queueAdmin.retry('all')
        return redirectWithNotice(
          c,
          c.req.valid('form'),
          moved === 1 ? '1 job is back in the queue' : `${moved} jobs are back in the queue`,
        )
      },
    )

    .post(
      '/drop',
      doc('Drops a job; a running one is told to stop.', null, { status: 303 }),
      operator,
      validate('form', JobForm),
      async (c) => {
        const { job: id, ...view } = c.req.valid('form')
        const dropped = await c.var.queueAdmin.drop(id)
        return redirectWithNotice(
          c,
          view,
          dropped ? `${named(id)} was dropped` : `${named(id)} does not exist any more`,
          'dead',
        )
      },
    )

    .post(
      '/pause',
      doc('Pauses the queue: workers take no more jobs.', null, { status: 303 }),
      operator,
      validate('form', View),
      async (c) => {
        await c.var.queueAdmin.pause()
        return redirectWithNotice(
          c,
          c.req.valid('form'),
          'Paused: workers finish their running jobs and take no more',
        )
      },
    )

    .post(
      '/resume',
      doc('Resumes the queue: workers take jobs again.', null, { status: 303 }),
      operator,
      validate('form', View),
      async (c) => {
        await c.var.queueAdmin.resume()
        return redirectWithNotice(c, c.req.valid('form'), 'Resumed: workers take jobs again')
      },
    )

    .post(
      '/run',
      doc('Enqueues the job of a cron now.', null, { status: 303 }),
      operator,
      validate('form', CronForm),
      async (c) => {
        const { cron, ...view } = c.req.valid('form')
        const enqueued = await c.var.cronAdmin.run(cron)
        const name = textOf(cron, 100)
        if (enqueued === undefined) return redirectWithNotice(c, view, `There is no cron ${name}`, 'crons')
        return redirectWithNotice(
          c,
          view,
          enqueued.added
            ? `${name} is in the queue`
            : `${name} is in the queue already: its previous run has not ended`,
          'crons',
        )
      },
    )
}

const named = (id: string) => `Job ${textOf(id, 100)}`
