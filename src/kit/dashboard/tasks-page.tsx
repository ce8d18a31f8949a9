// Shows what each task did within the last hour, and who waits for the limit of a key.
/** @jsxImportSource hono/jsx */
import type { readLimits } from '../jobs/limits.ts'
import { quantile } from '../jobs/durations.ts'
import type { TaskStats } from '../jobs/task-stats.ts'
import { formatDuration } from '../pages/duration.ts'
import { Age, Named, number, Table, textOf } from './parts.tsx'
import { PATH } from './view.ts'

const NAME = 100

interface Props {
  tasks: TaskStats[]
  limits: Awaited<ReturnType<typeof readLimits>>
}

export function TasksPage({ tasks, limits }: Props) {
  return (
    <>
      <section id="hour">
        <h2>Last hour</h2>
        <TaskTable tasks={tasks} />
      </section>
      <section id="limits">
        <h2>Waiting for a limit</h2>
        <Limits {...limits} />
      </section>
    </>
  )
}

export function TaskTable({ tasks }: { tasks: TaskStats[] }) {
  if (tasks.length === 0)
    return (
      <p>
        No job has ended within the last hour. Here stands, task by task, how many were done and failed, how
        long they waited and ran.
      </p>
    )
  const busy = tasks.reduce((sum, { run }) => sum + run.sumMs, 0)
  const columns = ['Task', 'Done', 'Failed', 'Wait p50', 'Wait p95', 'Run p50', 'Run p95', 'Of all run time']
  const rows = tasks.map(({ task, queue, done, failed, wait, run }) => [
    <Named name={<strong>{textOf(task, NAME)}</strong>}>{queue}</Named>,
    number.format(done),
    failed === 0 ? (
      '0'
    ) : (
      <a class="bad" href={deadOf(task)}>
        {number.format(failed)}
      </a>
    ),
    ...[quantile(wait, 0.5), quantile(wait, 0.95), quantile(run, 0.5), quantile(run, 0.95)].map(formatMs),
    busy === 0 ? '0 %' : `${Math.round((100 * run.sumMs) / busy)} %`,
  ])
  return <Table columns={columns} rows={rows} />
}

/** The dead of a task. */
export const deadOf = (task: string) => `${PATH}/dead?${new URLSearchParams({ task }).toString()}`

/** `85 ms`, `1.2 sec`, `3 min`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return 'unknown'
  if (ms < 1000) return ms <= 1 ? '≤ 1 ms' : `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} sec` : formatDuration(ms)
}

function Limits({ keys, limits }: Props['limits']) {
  if (limits.length === 0)
    return <p>Nobody. Here stand the keys of tasks with a limit whose jobs wait for their turn.</p>
  const rows = limits.map(({ queue, task, key, waiting, running, max, rate, since }) => [
    <Named name={<strong>{textOf(task, NAME)}</strong>}>{queue}</Named>,
    <code>{textOf(key, NAME)}</code>,
    number.format(waiting),
    max === undefined ? String(running) : `${running} of ${max}`,
    rate ? `${rate[0]} in ${formatMs(rate[1])}` : <span class="note">none</span>,
    <Age at={since} />,
  ])
  return (
    <>
      <Table columns={['Task', 'Key', 'Waiting', 'Running', 'Starts', 'First waits for']} rows={rows} />
      {keys > rows.length && (
        <p class="note">{`${number.format(keys)} keys have jobs that wait; these have the most of those that were looked at.`}</p>
      )}
    </>
  )
}
