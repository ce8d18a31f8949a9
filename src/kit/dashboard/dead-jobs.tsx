// Shows the dead jobs, a page of them at a time, with the buttons to retry or drop each.
/** @jsxImportSource hono/jsx */
import type { JobView } from '../jobs/places.ts'
import { ActionButton, inputLine, Table, textOf } from './parts.tsx'
import { JobName } from './tables.tsx'
import { jobUrl, PAGE_SIZE, urlOf, type View } from './view.ts'

const ERROR = 300
const INPUT = 200

interface Props {
  jobs: JobView[]
  /** Of all pages. */
  total: number
  secretKeys: readonly string[]
  view: View
}

export function DeadTable({ jobs, total, secretKeys, view }: Props) {
  if (total === 0) return <p>None.</p>
  const rows = jobs.map((job) => [
    <JobName id={job.id} task={job.task} view={view} />,
    <>
      <pre class="bad">{textOf(job.error ?? 'no error was kept', ERROR)}</pre>
      <code class="note">{inputLine(job.data, secretKeys, INPUT)}</code>
    </>,
    tried(job),
    <Actions job={job} view={view} />,
  ])
  return (
    <>
      <Table columns={['Job', 'Error, and input', 'Tried', 'Actions']} rows={rows} />
      <Pager total={total} view={view} />
    </>
  )
}

/** `5 times, 2 crashes`. */
export function tried({ failures, crashes }: JobView): string {
  const words = [times(failures, 'failure', 'failures'), times(crashes, 'crash', 'crashes')]
  return words.filter(Boolean).join(', ') || 'never ran'
}

const times = (n: unknown, one: string, more: string) =>
  typeof n === 'number' && n > 0 && `${n} ${n === 1 ? one : more}`

// Rows move while a user reaches for a button, so Drop only leads to the job's page, which does not move.
function Actions({ job: { id, task }, view }: { job: JobView; view: View }) {
  const name = `${textOf(task, 100)} ${textOf(id, 100)}`
  const url = jobUrl(id, view)
  return (
    <div class="actions">
      <ActionButton action="retry" view={view} fields={{ job: id }} name={`Retry ${name}`}>
        Retry
      </ActionButton>
      {url ? (
        <a class="button" href={url} aria-label={`Drop ${name}`}>
          Drop…
        </a>
      ) : (
        <ActionButton action="drop" view={view} fields={{ job: id }} name={`Drop ${name}`} danger>
          Drop
        </ActionButton>
      )}
    </div>
  )
}

function Pager({ total, view }: { total: number; view: View }) {
  const pages = Math.ceil(total / PAGE_SIZE)
  if (pages === 1) return <></>
  const { page } = view
  const link = (to: number, words: string) => <a href={urlOf({ ...view, page: to }, 'dead')}>{words}</a>
  return (
    <nav class="pager" aria-label="Pages of dead jobs">
      {page > 1 ? link(page - 1, 'Newer') : <span class="note">Newer</span>}
      <span>{`Page ${page} of ${pages}`}</span>
      {page < pages ? link(page + 1, 'Older') : <span class="note">Older</span>}
    </nav>
  )
}
