// Shows some dead jobs, with the buttons to retry or drop each.
/** @jsxImportSource hono/jsx */
import { useContext } from 'hono/jsx'
import type { JobView } from '../jobs/places.ts'
import { ActionButton, ErrorAndInput, Table, textOf } from './parts.tsx'
import { JobName } from './tables.tsx'
import { jobUrl, Shown } from './view.ts'

export const NO_ERROR = 'no error was kept'

export function DeadTable({ jobs }: { jobs: JobView[] }) {
  if (jobs.length === 0) return <p>None.</p>
  const rows = jobs.map((job) => [
    <JobName id={job.id} task={job.task} />,
    <ErrorAndInput error={job.error ?? NO_ERROR} data={job.data} />,
    tried(job),
    <Actions job={job} />,
  ])
  return <Table columns={['Job', 'Error, and input', 'Tried', 'Actions']} rows={rows} />
}

/** `5 times, 2 crashes`. */
export function tried({ failures, crashes }: JobView): string {
  const words = [times(failures, 'failure', 'failures'), times(crashes, 'crash', 'crashes')]
  return words.filter(Boolean).join(', ') || 'never ran'
}

const times = (n: unknown, one: string, more: string) =>
  typeof n === 'number' && n > 0 && `${n} ${n === 1 ? one : more}`

// Rows move while a user reaches for a button, so Drop only leads to the job's page, which does not move.
function Actions({ job: { id, task } }: { job: JobView }) {
  const name = `${textOf(task, 100)} ${textOf(id, 100)}`
  const url = jobUrl(id, useContext(Shown))
  return (
    <div class="actions">
      <ActionButton action="retry" fields={{ job: id }} name={`Retry ${name}`}>
        Retry
      </ActionButton>
      {url ? (
        <a class="button" href={url} aria-label={`Drop ${name}`}>
          Drop…
        </a>
      ) : (
        <ActionButton action="drop" fields={{ job: id }} name={`Drop ${name}`} danger>
          Drop
        </ActionButton>
      )}
    </div>
  )
}
