// Serves the dead jobs: the list with its filter, the question before many move, and the move.
/** @jsxImportSource hono/jsx */
import type { MiddlewareHandler } from 'hono'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { blankAsAbsent, validate, wholeNumber } from '../http/validate.ts'
import { leaveNotice, takeNotice } from '../pages/notice.ts'
import { Confirm, saidOf } from './dead-confirm.tsx'
import { DEAD_PAGE, DeadAction, DeadList, DeadQuery, deadUrl, filterOf, isChosen } from './dead-page.tsx'
import { OperatorsPage } from './shell.tsx'

const From = DeadQuery.extend({ from: blankAsAbsent(wholeNumber(0, 10_000_000).default(0)) })

/** @param operator admits operators only */
export function deadRoutes(operator: MiddlewareHandler) {
  return appFactory()
    .createApp()
    .get(
      '/dead',
      doc('Shows operators the dead jobs.', 'text/html'),
      operator,
      validate('query', From),
      async (c) => {
        const { queueAdmin } = c.var
        const query = c.req.valid('query')
        const [found, notice] = await Promise.all([
          queueAdmin.dead.search(filterOf(query), query.from, DEAD_PAGE),
          takeNotice(c),
        ])
        return c.html(
          <OperatorsPage c={c} title="Dead jobs" notice={notice}>
            <DeadList {...found} query={query} />
          </OperatorsPage>,
        )
      },
    )
    .get(
      '/dead/confirm',
      doc('Asks operators whether many dead jobs are to be retried or discarded.', 'text/html'),
      operator,
      validate('query', DeadAction),
      async (c) => {
        const action = c.req.valid('query')
        const { tasks, next } = await c.var.queueAdmin.dead.search(filterOf(action), 0, Infinity)
        const count = tasks.reduce(
          (sum, [task, n]) => sum + (action.task === undefined || task === action.task ? n : 0),
          0,
        )
        return c.html(
          <OperatorsPage c={c} title={action.do === 'retry' ? 'Retry dead jobs?' : 'Discard dead jobs?'}>
            <Confirm action={action} count={count} isMore={next !== undefined} />
          </OperatorsPage>,
        )
      },
    )
    .post(
      '/dead',
      doc('Retries or discards dead jobs, a thousand at the most.', null, { status: 303 }),
      operator,
      validate('form', DeadAction),
      async (c) => {
        const action = c.req.valid('form')
        const { do: verb, job: ids, chosen: _, ...query } = action
        const filter = isChosen(action) ? { ids } : filterOf(query)
        const { moved, isMore } = await c.var.queueAdmin.dead.moveAll(verb, filter)
        await leaveNotice(c, saidOf(verb, moved, isMore))
        return c.redirect(deadUrl(query), 303)
      },
    )
}
