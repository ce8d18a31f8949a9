// Shows the dead jobs by task, error and age, and asks before many are retried or discarded at once.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { blankAsAbsent } from '../http/validate.ts'
import type { DeadFilter, DeadPage } from '../jobs/dead-search.ts'
import { NO_ERROR, tried } from './dead-jobs.tsx'
import { Age, ErrorAndInput, Hidden, number, Table, textOf } from './parts.tsx'
import { JobName } from './tables.tsx'
import { PATH } from './view.ts'

export const DEAD = `${PATH}/dead`
/** Of a task or an error, as somebody filters by it. */
const MAX_TEXT = 200
const AGES = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const
/** Longer ones are not chosen by a box: with a page of them an address would be too long. */
const MAX_ID = 120
export const DEAD_PAGE = 50

const maybe = (max: number) => blankAsAbsent(z.string().max(max).optional())
export const DeadQuery = z.object({
  task: maybe(MAX_TEXT),
  error: maybe(MAX_TEXT).describe('A part of it.'),
  age: blankAsAbsent(z.enum(['hour', 'day', 'week']).optional()).describe('Dead for so long at the least.'),
})
export type DeadQuery = z.output<typeof DeadQuery>

const Ids = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? (value ?? []) : [value]),
  z.array(z.string().min(1).max(MAX_ID)).max(DEAD_PAGE),
) as z.ZodType as z.ZodArray<z.ZodString>

/** What is to be done with the jobs that are named, or else with all of the filter; `chosen`: with none, if none is named. */
export const DeadAction = DeadQuery.extend({ do: z.enum(['retry', 'drop']), job: Ids, chosen: maybe(1) })
export type DeadAction = z.output<typeof DeadAction>

export const isChosen = ({ job, chosen }: DeadAction) => job.length > 0 || chosen !== undefined

export const filterOf = ({ task, error, age }: DeadQuery): DeadFilter => ({
  task,
  error,
  forMs: age && AGES[age],
})

export const fieldsOf = (query: Partial<DeadAction>) =>
  (['task', 'error', 'age', 'do'] as const).flatMap((name) =>
    query[name] ? [[name, query[name]] as [string, string]] : [],
  )

export function deadUrl(query: Partial<DeadAction> & { from?: number | undefined }, path = ''): string {
  const search = new URLSearchParams(fieldsOf(query))
  if (query.from) search.set('from', String(query.from))
  return `${DEAD}${path}${search.size > 0 ? `?${search.toString()}` : ''}`
}

interface Props extends DeadPage {
  query: DeadQuery & { from: number }
}

export function DeadList({ jobs, tasks, next, query }: Props) {
  const isFiltered = fieldsOf(query).length > 0
  const rows = jobs.map((job) => [
    job.id.length <= MAX_ID ? (
      <input type="checkbox" name="job" value={job.id} aria-label={`Choose ${textOf(job.id, MAX_ID)}`} />
    ) : (
      ''
    ),
    <JobName id={job.id} task={job.task} />,
    <ErrorAndInput error={job.error ?? NO_ERROR} data={job.data} />,
    <Age at={job.since} />,
    tried(job),
  ])
  const all = isFiltered ? 'all that match' : 'all'
  return (
    <>
      <Filter query={query} />
      {tasks.length > 0 && (
        <p class="chips">
          {tasks.slice(0, 30).map(([task, count]) => {
            const said = (
              <>
                {textOf(task || 'malformed', 60)} <span class="note">{number.format(count)}</span>
              </>
            )
            // No filter names these: a link would lead to all, and to the button that discards all.
            if (task === '' || task.length > MAX_TEXT) return <span>{said}</span>
            const isThis = query.task === task
            return (
              <a class="button" href={deadUrl({ ...query, task })} aria-current={isThis ? 'true' : undefined}>
                {said}
              </a>
            )
          })}
        </p>
      )}
      {rows.length === 0 && <Nothing isFiltered={isFiltered} next={next} />}
      {rows.length > 0 && (
        <form method="get" action={`${DEAD}/confirm`}>
          <Hidden fields={fieldsOf(query)} />
          <input type="hidden" name="chosen" value="1" />
          <div class="actions">
            <button name="do" value="retry">
              Retry the chosen
            </button>
            <button name="do" value="drop">
              Discard the chosen
            </button>
            <a class="button" href={deadUrl({ ...query, do: 'retry' }, '/confirm')}>{`Retry ${all}…`}</a>
            <a class="button" href={deadUrl({ ...query, do: 'drop' }, '/confirm')}>{`Discard ${all}…`}</a>
          </div>
          <Table columns={['Choose', 'Job', 'Error, and input', 'Dead for', 'Tried']} rows={rows} />
        </form>
      )}
      <nav class="pager" aria-label="Older dead jobs">
        {query.from > 0 && <a href={deadUrl({ ...query, from: 0 })}>The newest</a>}
        {next !== undefined && <a href={deadUrl({ ...query, from: next })}>Older</a>}
      </nav>
    </>
  )
}

function Nothing({ isFiltered, next }: { isFiltered: boolean; next: number | undefined }) {
  if (next !== undefined) return <p>None of those that were looked at: go on with older ones.</p>
  if (isFiltered) return <p>No dead job matches.</p>
  return (
    <p>
      No job is dead. One that has failed as often as its task allows stands here, with its error and input,
      until somebody retries or discards it.
    </p>
  )
}

function Filter({ query }: { query: DeadQuery }) {
  return (
    <form class="filter" method="get" action={DEAD}>
      <label>
        Task <input name="task" value={query.task} maxlength={MAX_TEXT} />
      </label>
      <label>
        Error contains <input name="error" value={query.error} maxlength={MAX_TEXT} />
      </label>
      <label>
        Dead for{' '}
        <select name="age">
          <option value="">any time</option>
          {(['hour', 'day', 'week'] as const).map((age) => (
            <option value={age} selected={query.age === age}>
              {`over ${age === 'hour' ? 'an' : 'a'} ${age}`}
            </option>
          ))}
        </select>
      </label>
      <button>Filter</button>
      {fieldsOf(query).length > 0 && <a href={DEAD}>Show all</a>}
    </form>
  )
}
