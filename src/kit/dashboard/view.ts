// Keeps the state of the page in its address and in each of its forms, and hands all parts of a page what they show it by.
import { createContext } from 'hono/jsx'
import { z } from 'zod'
import { blankAsAbsent } from '../http/validate.ts'

/** Where app.ts mounts this slice. */
export const PATH = '/api/operators'

/** Dead jobs on the page of the queue; all of them have a page of their own. */
export const NEWEST_DEAD = 10

export const View = z.object({
  refresh: blankAsAbsent(z.enum(['on', 'off']).default('on')).describe(
    'Off: the page does not refresh itself.',
  ),
})
export type View = z.output<typeof View>

/** What the page shows unless it is told otherwise. */
export const DEFAULT_VIEW: View = { refresh: 'on' }

/** What the parts of a page have in common: `OperatorsPage` provides it. */
export interface Shown extends View {
  /** The moment that it shows, in Unix ms. */
  now: number
  /** Those of LOG_REDACT: their values in inputs are masked. */
  secretKeys: readonly string[]
}
export const Shown = createContext<Shown>({ ...DEFAULT_VIEW, now: 0, secretKeys: [] })

/** Returns the fields of a view that are not the default, for a query or for hidden fields. */
export const viewFields = ({ refresh }: View): [string, string][] =>
  refresh === DEFAULT_VIEW.refresh ? [] : [['refresh', refresh]]

const queryOf = (view: View) => viewFields(view).map(([name, value]) => `?${name}=${value}`)[0] ?? ''

/** The address of the page with this view; `part` is the id of a section. */
export function urlOf(view: View, part = ''): string {
  return `${PATH}${queryOf(view)}${part && `#${part}`}`
}

/** The address of a job's page; undefined for an id that cannot be a segment of a path. */
export function jobUrl(id: string, view: View): string | undefined {
  if (id.length > 300 || /^\.{0,2}$/.test(id) || !id.isWellFormed()) return undefined
  return `${PATH}/jobs/${encodeURIComponent(id)}${queryOf(view)}`
}
