// Serves the pages of tasks, waiting jobs and processes, the reload, and those that are handed in.
/** @jsxImportSource hono/jsx */
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import { writeEvent } from '../audit/record.ts'
import { requireFresh } from '../auth/guards.ts'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { blankAsAbsent, validate, wholeNumber } from '../http/validate.ts'
import { leaveNotice, takeNotice } from '../pages/notice.ts'
import { JobList, JOBS_PAGE, LAST_PAGE } from './jobs-page.tsx'
import { ProcessesPage } from './processes-page.tsx'
import { OperatorsPage, type OperatorsSection } from './shell.tsx'
import { TasksPage } from './tasks-page.tsx'
import { PATH } from './view.ts'

const REFRESH_S = 10
const Jobs = z.object({
  place: blankAsAbsent(z.enum(['waiting', 'later']).default('waiting')),
  page: blankAsAbsent(wholeNumber(1, LAST_PAGE).default(1)),
})

/** @param operator admits operators only */
export function moreRoutes(operator: MiddlewareHandler, sections: readonly OperatorsSection[]) {
  const app = appFactory()
    .createApp()
    .get('/tasks', doc('Shows operators the tasks.', 'text/html'), operator, async (c) => {
      const { queueAdmin } = c.var
      const [tasks, limits] = await Promise.all([queueAdmin.taskStats('hour'), queueAdmin.limits()])
      return c.html(
        <OperatorsPage c={c} title="Tasks" refresh={REFRESH_S}>
          <TasksPage tasks={tasks} limits={limits} />
        </OperatorsPage>,
      )
    })
    .get(
      '/jobs',
      doc('Shows operators the jobs that wait.', 'text/html'),
      operator,
      validate('query', Jobs),
      async (c) => {
        const { place, page } = c.req.valid('query')
        const jobs = await c.var.queueAdmin.list(place, page, JOBS_PAGE)
        return c.html(
          <OperatorsPage c={c} title="Waiting jobs">
            <JobList jobs={jobs} place={place} page={page} />
          </OperatorsPage>,
        )
      },
    )
    .get('/processes', doc('Shows operators the processes.', 'text/html'), operator, async (c) => {
      const [{ workers }, notice] = await Promise.all([c.var.queueAdmin.stats(), takeNotice(c)])
      const status = c.var.supervisor?.status()
      return c.html(
        <OperatorsPage c={c} title="Processes" notice={notice} refresh={REFRESH_S}>
          <ProcessesPage status={status} workers={workers} />
        </OperatorsPage>,
      )
    })
    .post(
      '/reload',
      doc('Reloads the processes of this machine. Needs a recent login.', null, { status: 303 }),
      operator,
      requireFresh(),
      validate('form', z.object({})),
      async (c) => {
        const { db, supervisor } = c.var
        // In one: what is not in the trail is not done.
        const isAsked = await db.transaction(async (tx) => {
          if (supervisor?.status() === undefined) return false
          await writeEvent(c, tx, { action: 'service.reloaded', account: null })
          return supervisor.reload()
        })
        await leaveNotice(c, isAsked ? 'The reload has begun' : 'There is no supervisor to ask')
        return c.redirect(`${PATH}/processes`, 303)
      },
    )
  for (const { path, label, summary, query, show } of sections) {
    app.get(path, doc(summary, 'text/html'), operator, validate('query', query), async (c) =>
      c.html(
        <OperatorsPage c={c} title={label}>
          {await show(c, c.req.valid('query'))}
        </OperatorsPage>,
      ),
    )
  }
  return app
}
