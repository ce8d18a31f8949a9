// Serves the page for operators: each form is answered by a redirect to the page, which says once what was done.
/** @jsxImportSource hono/jsx */
import type { Context } from 'hono'
import { z } from 'zod'
import { requireRole } from '../account/auth.ts'
import { loginLimit } from '../account/limits.ts'
import { logIn } from '../account/login.ts'
import { Login } from '../account/schema.ts'
import { noStore } from '../web/caching.ts'
import { doc } from '../web/doc.ts'
import { ApiError } from '../web/errors.ts'
import { factory, type AnyContext, type AppEnv } from '../web/factory.ts'
import { ownPagesOnly } from '../web/origins.ts'
import { endSession } from '../web/session.ts'
import { rateLimit } from '../web/rate-limit.ts'
import { validate } from '../web/validate.ts'
import { asPages } from './door.tsx'
import { JobPage } from './job-page.tsx'
import { textOf } from './parts.tsx'
import { QueuePage } from './queue-page.tsx'
import { PAGE_SIZE, PATH, urlOf, View } from './view.ts'

/** The session's key for what the next view of the page says: nobody else can put words there. */
const NOTICE = 'operators:notice'

const job = z.string().min(1)
const OneJob = z.object({ job })
const JobForm = View.extend({ job })
const CronForm = View.extend({ cron: z.string().min(1) })

export const operators = factory
  .createApp()
  .use(noStore)
  .use(asPages)
  .use(ownPagesOnly)

  .get(
    '/',
    doc('Shows operators the queue; others get a form to sign in.', 'text/html'),
    requireRole('superuser'),
    validate('query', View),
    async (c) => {
      const { config, cronAdmin, me, queueAdmin, session } = c.var
      const [stats, crons, notice, { email }] = await Promise.all([
        queueAdmin.stats(),
        cronAdmin.list(),
        session.get<string>(NOTICE),
        me(),
      ])
      if (notice !== undefined) session.delete(NOTICE)
      const { page, refresh } = c.req.valid('query')
      const lastPage = Math.max(1, Math.ceil(stats.dead / PAGE_SIZE))
      const view = { page: Math.min(Math.max(1, page), lastPage), refresh }
      const dead = await queueAdmin.list('dead', view.page, PAGE_SIZE)
      const shown = { email, stats, dead, crons, notice, view, now: Date.now() }
      return c.html(<QueuePage service={config.name} secretKeys={config.log.redact} {...shown} />)
    },
  )

  .get(
    '/jobs/:job',
    doc('Shows operators a job.', 'text/html'),
    requireRole('superuser'),
    validate('param', OneJob),
    validate('query', View),
    async (c) => {
      const { config, queueAdmin } = c.var
      const found = await queueAdmin.show(c.req.valid('param').job)
      if (found === undefined)
        throw new ApiError(404, 'There is no such job. It may have ended, or was dropped')
      const shown = { job: found, view: c.req.valid('query'), now: Date.now() }
      return c.html(<JobPage service={config.name} secretKeys={config.log.redact} {...shown} />)
    },
  )

  .post(
    '/',
    doc('Signs in, for as long as the browser runs.', null, 303),
    validate('form', Login.omit({ remember: true })),
    rateLimit(loginLimit),
    async (c) => {
      await logIn(c, { ...c.req.valid('form'), remember: false })
      return c.redirect(PATH, 303)
    },
  )

  .post(
    '/logout',
    doc('Signs out.', null, 303),
    requireRole('readonly'),
    validate('form', z.object({})),
    async (c) => {
      await endSession(c)
      return c.redirect(PATH, 303)
    },
  )

  .post(
    '/retry',
    doc('Puts a dead or delayed job back into the queue, at its front.', null, 303),
    requireRole('superuser'),
    validate('form', JobForm),
    async (c) => {
      const { job: id, ...view } = c.req.valid('form')
      const moved = await c.var.queueAdmin.retry({ id })
      return back(
        c,
        view,
        moved > 0 ? `${named(id)} is back in the queue` : `${named(id)} is not there any more`,
        'dead',
      )
    },
  )

  .post(
    '/retry-all',
    doc('Puts all dead jobs back into the queue.', null, 303),
    requireRole('superuser'),
    validate('form', View),
    async (c) => {
      const moved = await c.var.queueAdmin.retry('all')
      return back(
        c,
        c.req.valid('form'),
        moved === 1 ? '1 job is back in the queue' : `${moved} jobs are back in the queue`,
      )
    },
  )

  .post(
    '/drop',
    doc('Throws a job away; one that runs is told to stop.', null, 303),
    requireRole('superuser'),
    validate('form', JobForm),
    async (c) => {
      const { job: id, ...view } = c.req.valid('form')
      const dropped = await c.var.queueAdmin.drop(id)
      return back(
        c,
        view,
        dropped ? `${named(id)} was dropped` : `${named(id)} is not there any more`,
        'dead',
      )
    },
  )

  .post(
    '/pause',
    doc('Lets workers take no more jobs.', null, 303),
    requireRole('superuser'),
    validate('form', View),
    async (c) => {
      await c.var.queueAdmin.pause()
      return back(c, c.req.valid('form'), 'Paused: workers finish what they run, and take nothing more')
    },
  )

  .post(
    '/resume',
    doc('Lets workers take jobs again.', null, 303),
    requireRole('superuser'),
    validate('form', View),
    async (c) => {
      await c.var.queueAdmin.resume()
      return back(c, c.req.valid('form'), 'Resumed: workers take jobs again')
    },
  )

  .post(
    '/run',
    doc('Enqueues the job of a cron now.', null, 303),
    requireRole('superuser'),
    validate('form', CronForm),
    async (c) => {
      const { cron, ...view } = c.req.valid('form')
      const enqueued = await c.var.cronAdmin.run(cron)
      const name = textOf(cron, 100)
      if (enqueued === undefined) return back(c, view, `There is no cron ${name}`, 'crons')
      return back(
        c,
        view,
        enqueued.added
          ? `${name} is in the queue`
          : `${name} is in the queue already: its last run has not ended`,
        'crons',
      )
    },
  )

const named = (id: string) => `Job ${textOf(id, 100)}`

/** To the page as the operator saw it, with a word on what was done. */
function back(context: AnyContext, view: View, notice: string, part?: string): Response {
  const c: Context<AppEnv> = context
  c.get('session')?.set(NOTICE, notice)
  return c.redirect(urlOf(view, part), 303)
}
