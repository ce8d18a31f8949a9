// Shows the jobs that wait, or are delayed: retries among them.
/** @jsxImportSource hono/jsx */
import type { JobView, Place } from '../jobs/places.ts'
import { tried } from './dead-jobs.tsx'
import { Age, ErrorAndInput, Moment, Table } from './parts.tsx'
import { JobName } from './tables.tsx'
import { PATH } from './view.ts'

export const JOBS_PAGE = 50
/** What is further behind is not walked to. */
export const LAST_PAGE = 20

interface Props {
  jobs: JobView[]
  place: Extract<Place, 'waiting' | 'later'>
  page: number
}

export function JobList({ jobs, place, page }: Props) {
  const link = (to: Props['place'], words: string, of = 1) => (
    <a
      href={`${PATH}/jobs?place=${to}&page=${of}`}
      aria-current={to === place && of === page ? 'true' : undefined}
    >
      {words}
    </a>
  )
  const rows = jobs.map((job) => [
    <JobName id={job.id} task={job.task} />,
    job.queue,
    place === 'later' ? <Moment at={job.due} none="unknown" /> : <Age at={job.since} />,
    job.failures + job.crashes === 0 ? 'not yet' : tried(job),
    <ErrorAndInput error={job.error} data={job.data} />,
  ])
  return (
    <>
      <p class="tabs">
        {link('waiting', 'Waiting now')} {link('later', 'Delayed, and tried again')}
      </p>
      {rows.length === 0 ? (
        <p>
          {place === 'later'
            ? 'No job is delayed. Here stand those that are due later, and failed ones until they are tried again.'
            : 'No job waits. Here stand, in their order, those that no worker has taken yet.'}
        </p>
      ) : (
        <Table
          columns={['Job', 'Queue', place === 'later' ? 'Due' : 'Waits for', 'Tried', 'Error, and input']}
          rows={rows}
        />
      )}
      <nav class="pager" aria-label="Pages of jobs">
        {page > 1 && link(place, 'Back', page - 1)}
        {jobs.length === JOBS_PAGE && page < LAST_PAGE && link(place, 'On', page + 1)}
      </nav>
    </>
  )
}
