// Serves the dashboard for operators: the queue, and a job.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import { appFactory, middleware } from '../http/factory.ts'
import { ownPagesOnly } from '../http/origins.ts'
import { validate } from '../http/validate.ts'
import { errorsAsPages } from '../pages/error-page.tsx'
import { takeNotice } from '../pages/notice.ts'
import { ApiError } from '../types/api-error.ts'
import type { DashboardAccess } from './access.ts'
import { actions } from './actions.ts'
import { deadRoutes } from './dead-routes.tsx'
import { JobPage } from './job-page.tsx'
import { moreRoutes } from './more-routes.tsx'
import { QueuePage } from './queue-page.tsx'
import { KIT_TABS } from './shell.tsx'
import { NEWEST_DEAD, PATH, View } from './view.ts'

const OneJob = z.object({ job: z.string().min(1) })

export function dashboard<P extends AnyProduct>(access: DashboardAccess<P>) {
  const { requireRole, role, label, signIn, confirm, lacking, sections = [] } = access
  const tabs = [...KIT_TABS, ...sections]
  const home = { path: PATH, label: 'Back to the queue' }
  return appFactory<P>()
    .createApp()
    .use(noStore)
    .use(
      errorsAsPages({
        home,
        signIn,
        ...(confirm !== undefined && { confirm }),
        ...(lacking !== undefined && { lacking }),
      }),
    )
    .use(ownPagesOnly)
    .use(
      middleware((c: AnyContext, next) => {
        c.set('operatorsTabs', tabs)
        return next()
      }),
    )

    .get(
      '/',
      doc('Shows operators the queue.', 'text/html', { link: 'Queue' }),
      requireRole(role),
      validate('query', View),
      async (c) => {
        const { cronAdmin, me, queueAdmin } = c.var
        const [stats, dead, crons, notice, user] = await Promise.all([
          queueAdmin.stats(),
          queueAdmin.list('dead', 1, NEWEST_DEAD),
          cronAdmin.list(),
          takeNotice(c),
          me(),
        ])
        const view = c.req.valid('query')
        return c.html(<QueuePage c={c} who={label(user)} {...{ stats, dead, crons, notice, view }} />)
      },
    )

    .get(
      '/jobs/:job',
      doc('Shows operators a job.', 'text/html'),
      requireRole(role),
      validate('param', OneJob),
      validate('query', View),
      async (c) => {
        const found = await c.var.queueAdmin.show(c.req.valid('param').job)
        if (found === undefined)
          throw new ApiError(404, 'There is no such job. It may have ended or been dropped')
        return c.html(<JobPage c={c} job={found} view={c.req.valid('query')} />)
      },
    )

    .route('/', actions(requireRole(role)))
    .route('/', deadRoutes(requireRole(role)))
    .route('/', moreRoutes(requireRole(role), sections))
}
