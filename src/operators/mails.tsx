// Shows operators what became of the mails: those that wait, were sent, and were given up.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import type { OperatorsSection } from '../kit/dashboard/shell.tsx'
import { deadOf, formatMs, TaskTable } from '../kit/dashboard/tasks-page.tsx'

const QUEUE = 'mail'

export const mailSection: OperatorsSection = {
  path: '/mails',
  label: 'Mails',
  summary: 'Shows operators what became of the mails.',
  query: z.object({}),
  async show(c) {
    const { queueAdmin } = c.var
    const [{ queues }, all] = await Promise.all([queueAdmin.stats(), queueAdmin.taskStats('hour')])
    const { waiting = 0, later = 0, dead = 0, lagMs } = queues[QUEUE] ?? {}
    const tasks = all.filter(({ queue }) => queue === QUEUE)
    const sent = tasks.reduce((sum, { done }) => sum + done, 0)
    const shown = { Waiting: waiting, 'Tried again later': later, 'Sent within the hour': sent, Dead: dead }
    return (
      <>
        <dl class="stats">
          {Object.entries(shown).map(([name, count]) => (
            <div>
              <dt>{name}</dt>
              <dd class={name === 'Dead' && count > 0 ? 'bad' : undefined}>{String(count)}</dd>
            </div>
          ))}
        </dl>
        <p class="note">{`The first in line waits for ${formatMs(lagMs)}. A mail that cannot be sent is tried for three days.`}</p>
        <TaskTable tasks={tasks} />
        {tasks.length > 0 && (
          <p>
            The dead of{' '}
            {tasks.map(({ task }) => (
              <>
                <a href={deadOf(task)}>{task}</a>{' '}
              </>
            ))}
          </p>
        )}
      </>
    )
  },
}
