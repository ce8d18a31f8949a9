// Shows one job in full. The page does not refresh, so that no job is dropped by a slip.
/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import type { AnyContext } from '../http/env.ts'
import type { JobView } from '../jobs/places.ts'
import { tried } from './dead-jobs.tsx'
import { ActionButton, Input, Moment, textOf } from './parts.tsx'
import { OperatorsPage } from './shell.tsx'
import { urlOf, type View } from './view.ts'

const NAME = 300
const ERROR = 20_000
const INPUT = 4000

interface Props {
  c: AnyContext
  job: JobView
  view: View
}

export function JobPage({ c, job, view }: Props) {
  const { id, task, place, worker, due, by, requestId, error, data } = job
  const name = task === '' ? 'malformed job' : textOf(task, NAME)
  const state = place === 'later' ? 'delayed' : place
  const facts: [string, Child][] = [
    ['Id', <code>{textOf(id, NAME)}</code>],
    ['State', worker === undefined ? state : `${state} at ${textOf(worker, NAME)}`],
    ['Tried', tried(job)],
  ]
  if (due !== undefined) facts.push(['Due', <Moment at={due} none="unknown" />])
  if (job.since !== undefined && due === undefined)
    facts.push([place === 'dead' ? 'Dead since' : 'Waits since', <Moment at={job.since} none="unknown" />])
  if (by !== undefined) facts.push(['Account', <code>{textOf(by, NAME)}</code>])
  if (requestId !== undefined) facts.push(['Request', <code>{textOf(requestId, NAME)}</code>])
  const input = (
    <pre>
      <Input data={data} max={INPUT} lines />
    </pre>
  )
  facts.push(['Input', input])
  if (error !== undefined) facts.push(['Error', <pre class="bad">{textOf(error, ERROR)}</pre>])
  const heading = (
    <>
      <p>
        <a href={urlOf(view, place === 'dead' ? 'dead' : '')}>Back to the queue</a>
      </p>
      <h1>{name}</h1>
    </>
  )
  return (
    <OperatorsPage c={c} title={name} heading={heading} view={view}>
      <dl class="record">
        {facts.map(([label, fact]) => (
          <div>
            <dt>{label}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
      <div class="actions">
        {(place === 'dead' || place === 'later') && (
          <ActionButton action="retry" fields={{ job: id }}>
            Retry
          </ActionButton>
        )}
        <ActionButton action="drop" fields={{ job: id }} danger>
          Drop for good
        </ActionButton>
      </div>
    </OperatorsPage>
  )
}
