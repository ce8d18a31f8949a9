// Renders the small parts of the pages: times, durations, tables, buttons, and untrusted texts.
/** @jsxImportSource hono/jsx */
import { type Child, type PropsWithChildren, useContext } from 'hono/jsx'
import { formatDuration } from '../pages/duration.ts'
import { MASK, mentionsSecret, redact, summarize } from '../log/redact.ts'
import { PATH, Shown, viewFields } from './view.ts'

/**
 * Returns a text of at most `max` characters. Other values become JSON: anybody may write to Redis, so a field that
 * should be a text need not be one.
 */
export function textOf(value: unknown, max: number): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`
}

/** The input of a job, secrets masked: on one line, or on as many as it has fields. */
export function Input({ data, max, lines = false }: { data: unknown; max: number; lines?: boolean }) {
  const { secretKeys } = useContext(Shown)
  // A malformed job is a bare text, without keys that tell which part is secret.
  if (typeof data === 'string' && mentionsSecret(data, secretKeys)) return <>{MASK}</>
  if (!lines) return <>{summarize(data, secretKeys, max)}</>
  return <>{JSON.stringify(redact(data, secretKeys, max), null, 2) ?? ''}</>
}

export const number = new Intl.NumberFormat('en')

/** Shows the time that has passed, or is left, until `at`, which is in the title; times are Unix ms. */
export function Age({ at }: { at: unknown }) {
  const { now } = useContext(Shown)
  const iso = isoOf(at)
  if (iso === undefined) return <span class="note">unknown</span>
  return (
    <time datetime={iso} title={iso}>
      {formatDuration(Math.abs(now - Number(at)))}
    </time>
  )
}

/** Shows `14:05 UTC, in 3 min`, with the date if it is another day's. */
export function Moment({ at, none }: { at: number | undefined; none: string }) {
  const { now } = useContext(Shown)
  const iso = isoOf(at)
  if (iso === undefined || at === undefined) return <span class="note">{none}</span>
  const isToday = iso.slice(0, 10) === isoOf(now)?.slice(0, 10)
  const shown = `${isToday ? '' : `${iso.slice(0, 10)} `}${iso.slice(11, 16)} UTC`
  const apart = formatDuration(Math.abs(now - at))
  return (
    <>
      <time datetime={iso} title={iso}>
        {shown}
      </time>{' '}
      <span class="note">{at > now ? `in ${apart}` : `${apart} ago`}</span>
    </>
  )
}

/** Undefined for anything that a date cannot represent. */
export function isoOf(at: unknown): string | undefined {
  const date = new Date(typeof at === 'number' ? at : NaN)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

/** What a row is about, and below it a word on it. */
export const Named = ({ name, children }: PropsWithChildren<{ name: Child }>) => (
  <>
    {name}
    <br />
    <span class="note">{children}</span>
  </>
)

const ERROR = 300
const INPUT = 200

/** Of a job, as far as a table has room for them. */
export const ErrorAndInput = ({ error, data }: { error: string | undefined; data: unknown }) => (
  <>
    {error !== undefined && <pre class="bad">{textOf(error, ERROR)}</pre>}
    <code class="note">
      <Input data={data} max={INPUT} />
    </code>
  </>
)

/** On a narrow screen each row becomes a card whose cells have their column's name. */
export function Table({ columns, rows }: { columns: string[]; rows: Child[][] }) {
  return (
    <table>
      <thead>
        <tr>
          {columns.map((name) => (
            <th scope="col">{name}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells) => (
          <tr>
            {cells.map((cell, i) => (
              <td data-label={columns[i]}>
                <div>{cell}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export const Hidden = ({ fields }: { fields: [string, string][] }) => (
  <>
    {fields.map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
)

interface ActionButtonProps {
  /** The last part of the route's path. */
  action: string
  /** Fields beside those of the view. */
  fields?: Record<string, string>
  /** The accessible name if the label does not say enough; it begins with the label. */
  name?: string
  danger?: boolean
}

/** A form of one button. */
export function ActionButton({
  action,
  fields = {},
  name,
  danger,
  children,
}: PropsWithChildren<ActionButtonProps>) {
  const view = useContext(Shown)
  return (
    <form method="post" action={`${PATH}/${action}`}>
      <Hidden fields={[...viewFields(view), ...Object.entries(fields)]} />
      <button class={danger ? 'danger' : undefined} aria-label={name}>
        {children}
      </button>
    </form>
  )
}
