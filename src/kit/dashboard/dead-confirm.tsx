// Asks before many dead jobs are retried or discarded, and says what was done.
/** @jsxImportSource hono/jsx */
import { MOST_AT_ONCE } from '../types/queue-defaults.ts'
import { type DeadAction, DEAD, deadUrl, fieldsOf, isChosen } from './dead-page.tsx'
import { Hidden, number } from './parts.tsx'

/** `count` of those that were looked at would move. */
export function Confirm({ action, count, isMore }: { action: DeadAction; count: number; isMore: boolean }) {
  const { do: verb, job, chosen: _, ...query } = action
  const chosen = isChosen(action)
  const which = chosen ? jobsIn(job.length) : `${jobsIn(count)}${isMore ? ' or more' : ''}`
  const isNothing = chosen ? job.length === 0 : count === 0 && !isMore
  if (isNothing)
    return (
      <p>
        No job was chosen. <a href={deadUrl(query)}>Back to the dead jobs</a>
      </p>
    )
  return (
    <form method="post" action={DEAD}>
      <p>
        {verb === 'retry'
          ? `${which} will go back into the queue, with all attempts before them.`
          : `${which} will be gone for good, with their inputs.`}
      </p>
      <p class="note">{`At most ${number.format(MOST_AT_ONCE)} at once: what is left is told, and can be done next.`}</p>
      <Hidden fields={fieldsOf(action)} />
      {chosen && <input type="hidden" name="chosen" value="1" />}
      <Hidden fields={job.map((id) => ['job', id])} />
      <div class="actions">
        <button class={verb === 'drop' ? 'danger' : undefined}>
          {verb === 'retry' ? 'Retry them' : 'Discard them'}
        </button>
        <a class="button" href={deadUrl(query)}>
          Do nothing
        </a>
      </div>
    </form>
  )
}

const jobsIn = (n: number) => (n === 1 ? '1 job' : `${number.format(n)} jobs`)

export const saidOf = (verb: 'retry' | 'drop', moved: number, isMore: boolean): string =>
  `${jobsIn(moved)} ${verb === 'retry' ? 'went back into the queue' : 'discarded'}${isMore ? '; more of them are left: do it again' : ''}`
