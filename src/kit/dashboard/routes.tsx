// Serves the dashboard for operators: the queue, a job, and the form to sign in.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { AnyProduct } from '../http/env.ts'
import { appFactory } from '../http/factory.ts'
import { ownPagesOnly } from '../http/origins.ts'
import { rateLimit } from '../http/rate-limit.ts'
import { endSession } from '../http/session.ts'
import { validate } from '../http/validate.ts'
import { ApiError } from '../types/api-error.ts'
import type { DashboardAccess } from './access.ts'
import { actions, takeNotice } from './actions.ts'
import { JobPage } from './job-page.tsx'
import { QueuePage } from './queue-page.tsx'
import { errorsAsPages } from './sign-in.tsx'
import { PAGE_SIZE, PATH, View } from './view.ts'

const OneJob = z.object({ job: z.string().min(1) })

export function dashboard<P extends AnyProduct>({
  requireRole,
  role,
  lowestRole,
  label,
  signIn,
}: DashboardAccess<P>) {
  return appFactory<P>()
    .createApp()
    .use(noStore)
    .use(errorsAsPages(role))
    .use(ownPagesOnly)

    .get(
      '/',
      doc('Shows operators the queue; others get a form to sign in.', 'text/html'),
      requireRole(role),
      validate('query', View),
      async (c) => {
        const { config, cronAdmin, me, queueAdmin, session } = c.var
        const [stats, crons, notice, user] = await Promise.all([
          queueAdmin.stats(),
          cronAdmin.list(),
          takeNotice(session),
          me(),
        ])
        const { page, refresh } = c.req.valid('query')
        const lastPage = Math.max(1, Math.ceil(stats.dead / PAGE_SIZE))
        const view = { page: Math.min(Math.max(1, page), lastPage), refresh }
        const dead = await queueAdmin.list('dead', view.page, PAGE_SIZE)
        const shown = { who: label(user), stats, dead, crons, notice, view, now: Date.now() }
        return c.html(<QueuePage service={config.name} secretKeys={config.log.redact} {...shown} />)
      },
    )

    .get(
      '/jobs/:job',
      doc('Shows operators a job.', 'text/html'),
      requireRole(role),
      validate('param', OneJob),
      validate('query', View),
      async (c) => {
        const { config, queueAdmin } = c.var
        const found = await queueAdmin.show(c.req.valid('param').job)
        if (found === undefined)
          throw new ApiError(404, 'There is no such job. It may have ended or been dropped')
        const shown = { job: found, view: c.req.valid('query'), now: Date.now() }
        return c.html(<JobPage service={config.name} secretKeys={config.log.redact} {...shown} />)
      },
    )

    .post(
      '/',
      doc('Signs in, for as long as the browser runs.', null, { status: 303, errors: signIn.errors ?? [] }),
      validate('form', signIn.form),
      rateLimit(signIn.limit),
      async (c) => {
        await signIn.run(c, c.req.valid('form'))
        return c.redirect(PATH, 303)
      },
    )

    .post(
      '/logout',
      doc('Signs out.', null, { status: 303 }),
      requireRole(lowestRole),
      validate('form', z.object({})),
      async (c) => {
        await endSession(c)
        return c.redirect(PATH, 303)
      },
    )

    .route('/', actions(requireRole(role)))
}
