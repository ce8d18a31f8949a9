// Renders the tables of running jobs, workers and crons.
/** @jsxImportSource hono/jsx */
import { useContext } from 'hono/jsx'
import type { CronView } from '../jobs/cron-admin.ts'
import type { Stats, WorkerView } from '../jobs/stats.ts'
import { ActionButton, Age, Moment, Named, number, Table, textOf } from './parts.tsx'
import { formatMs } from './tasks-page.tsx'
import { jobUrl, Shown } from './view.ts'

/** A cluster may run thousands: the oldest are the most interesting. */
const MAX_RUNNING = 100
const NAME = 100

export function RunningTable({ workers }: { workers: WorkerView[] }) {
  const jobs = workers
    .flatMap(({ id, beat }) => (beat?.running ?? []).map((job) => ({ ...job, worker: id })))
    .toSorted((a, b) => a.startedAt - b.startedAt)
  if (jobs.length === 0) return <p>No job is running.</p>
  const rows = jobs
    .slice(0, MAX_RUNNING)
    .map(({ id, task, worker, startedAt, attempt, progress }) => [
      <JobName id={id} task={task} />,
      <code>{textOf(worker, NAME)}</code>,
      <Age at={startedAt} />,
      typeof progress === 'number' ? (
        <Progress fraction={progress} />
      ) : (
        <span class="note">not reported</span>
      ),
      textOf(attempt, NAME),
    ])
  return (
    <>
      <Table columns={['Job', 'Worker', 'Running for', 'Progress', 'Attempt']} rows={rows} />
      {jobs.length > rows.length && (
        <p class="note">{`The ${rows.length} that have run longest; ${jobs.length - rows.length} more are running.`}</p>
      )}
    </>
  )
}

function Progress({ fraction }: { fraction: number }) {
  const percent = `${Math.floor(fraction * 100)} %`
  return (
    <>
      <progress value={fraction} max={1} aria-label="Progress" /> {percent}
    </>
  )
}

/** The task, and below it the id, which links to the page of the job if possible. */
export function JobName({ id, task }: { id: string; task: string }) {
  const url = jobUrl(id, useContext(Shown))
  const shown = <code>{textOf(id, NAME)}</code>
  return (
    <>
      <strong>{task === '' ? 'malformed job' : textOf(task, NAME)}</strong>
      <br />
      {url ? <a href={url}>{shown}</a> : shown}
    </>
  )
}

export function WorkerTable({ workers }: { workers: WorkerView[] }) {
  if (workers.length === 0) return <p class="warn">No worker is running: no job will be done.</p>
  const rows = workers.map((worker) => {
    const { id, jobs, beat } = worker
    return [
      <Named name={<code>{textOf(id, NAME)}</code>}>
        {beat && `${textOf(beat.host, NAME)}, process ${textOf(beat.pid, NAME)}`}
      </Named>,
      <State worker={worker} />,
      beat ? <Age at={beat.startedAt} /> : <span class="note">unknown</span>,
      `${jobs} of ${textOf(beat?.concurrency ?? '?', NAME)}`,
      doing(worker),
    ]
  })
  return <Table columns={['Worker', 'State', 'Up for', 'Jobs', 'Doing']} rows={rows} />
}

function State({ worker: { alive, beat } }: { worker: WorkerView }) {
  if (!alive) return <span class="badge bad">no heartbeat</span>
  return beat?.stopping ? <span class="badge warn">stopping</span> : <span class="badge good">working</span>
}

/** `2 x export, sendWelcome`. */
function doing({ beat }: WorkerView): string {
  const counts = new Map<string, number>()
  for (const { task } of beat?.running ?? []) {
    const name = textOf(task, NAME)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const words = [...counts].map(([task, count]) => (count === 1 ? task : `${count} × ${task}`))
  return textOf(words.join(', ') || 'idle', 300)
}

export function QueueTable({ queues }: { queues: Stats['queues'] }) {
  const rows = Object.entries(queues).map(
    ([name, { waiting, limited, lagMs, running, later, dead, workers, paused }]) => {
      const alive = workers.filter((worker) => worker.alive).length
      const action = paused ? 'resume' : 'pause'
      const label = paused ? 'Resume' : 'Pause'
      return [
        <>
          <strong>{name}</strong> {paused && <span class="badge warn">paused</span>}
        </>,
        limited > 0 ? `${number.format(waiting)}, ${limited} of them for a limit` : number.format(waiting),
        lagMs === 0 ? 'none' : formatMs(lagMs),
        String(running),
        String(later),
        String(dead),
        alive > 0 ? String(alive) : <span class="badge bad">none</span>,
        <ActionButton action={action} fields={{ queue: name }} name={`${label}: ${name}`}>
          {label}
        </ActionButton>,
      ]
    },
  )
  return (
    <Table
      columns={['Queue', 'Waiting', 'Lag', 'Running', 'Delayed', 'Dead', 'Workers', 'Action']}
      rows={rows}
    />
  )
}

export function CronTable({ crons }: { crons: CronView[] }) {
  if (crons.length === 0) return <p>No crons are declared.</p>
  const rows = crons.map(({ name, schedule, timeZone, task, last, next }) => [
    <Named name={<strong>{name}</strong>}>{task}</Named>,
    <Named name={<code>{schedule}</code>}>{timeZone ?? "the server's time"}</Named>,
    <Moment at={last} none="never" />,
    <Moment at={next} none="never" />,
    <ActionButton action="run" fields={{ cron: name }} name={`Run now: ${name}`}>
      Run now
    </ActionButton>,
  ])
  return <Table columns={['Cron', 'Schedule', 'Last', 'Next', 'Action']} rows={rows} />
}
