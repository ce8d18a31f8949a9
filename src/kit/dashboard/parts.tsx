// Draws the small pieces of the pages: moments, ages, tables, buttons, and texts that nobody vouches for.
/** @jsxImportSource hono/jsx */
import type { Child, PropsWithChildren } from 'hono/jsx'
import { age } from '../http/age.ts'
import { MASK, mentionsSecret, redact, summarize } from '../log/redact.ts'
import { fieldsOf, PATH, type View } from './view.ts'

/**
 * A text of at most `max` characters. Anybody may write to Redis, so what should be a text need not be one:
 * other values are shown as JSON.
 */
export function textOf(value: unknown, max: number): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`
}

/** The input of a job on one line, secrets replaced; `secretKeys` are those of LOG_REDACT. */
export const inputLine = (data: unknown, secretKeys: readonly string[], max: number) =>
  isSecret(data, secretKeys) ? MASK : summarize(data, secretKeys, max)

/** The same on as many lines as it has fields. */
export const inputBlock = (data: unknown, secretKeys: readonly string[], max: number) =>
  isSecret(data, secretKeys) ? MASK : (JSON.stringify(redact(data, secretKeys, max), null, 2) ?? '')

// What is no job is a bare text: no keys in it tell which part is the secret.
const isSecret = (data: unknown, secretKeys: readonly string[]) =>
  typeof data === 'string' && mentionsSecret(data, secretKeys)

/** How long ago or until then, the moment itself in the title; times are Unix ms. */
export function Age({ at, now }: { at: unknown; now: number }) {
  const iso = isoOf(at)
  if (iso === undefined) return <span class="note">unknown</span>
  return (
    <time datetime={iso} title={iso}>
      {age(Math.abs(now - Number(at)))}
    </time>
  )
}

/** `14:05 UTC, in 3 min`; with the date if it is another day's. */
export function Moment({ at, now, none }: { at: number | undefined; now: number; none: string }) {
  const iso = isoOf(at)
  if (iso === undefined || at === undefined) return <span class="note">{none}</span>
  const isToday = iso.slice(0, 10) === isoOf(now)?.slice(0, 10)
  const shown = `${isToday ? '' : `${iso.slice(0, 10)} `}${iso.slice(11, 16)} UTC`
  const apart = age(Math.abs(now - at))
  return (
    <>
      <time datetime={iso} title={iso}>
        {shown}
      </time>{' '}
      <span class="note">{at > now ? `in ${apart}` : `${apart} ago`}</span>
    </>
  )
}

/** Undefined for what is no moment that a date can hold. */
export function isoOf(at: unknown): string | undefined {
  const date = new Date(typeof at === 'number' ? at : NaN)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

/** On a narrow screen each row becomes a card, and each cell says its column's name. */
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

interface ActProps {
  /** The last part of the route's path. */
  action: string
  view: View
  /** Fields beside those of the view. */
  fields?: Record<string, string>
  /** The button's name where the word on it does not say enough; begins with that word. */
  name?: string
  danger?: boolean
}

/** A form of one button. */
export function Act({ action, view, fields = {}, name, danger, children }: PropsWithChildren<ActProps>) {
  return (
    <form method="post" action={`${PATH}/${action}`}>
      {[...fieldsOf(view), ...Object.entries(fields)].map(([field, value]) => (
        <input type="hidden" name={field} value={value} />
      ))}
      <button class={danger ? 'danger' : undefined} aria-label={name}>
        {children}
      </button>
    </form>
  )
}

/** On every page: whoever is in can leave. */
export function SignOut({ view }: { view: View }) {
  return (
    <Act action="logout" view={view}>
      Sign out
    </Act>
  )
}
