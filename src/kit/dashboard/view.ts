// Keeps the state of the page in its address and in each of its forms.
import { z } from 'zod'
import { blankAsAbsent, Page } from '../http/validate.ts'

/** Where app.ts mounts this slice. */
export const PATH = '/api/operators'

/** Dead jobs on one page. */
export const PAGE_SIZE = 50

export const View = z.object({
  page: Page.describe('Of the dead jobs.'),
  refresh: blankAsAbsent(z.enum(['on', 'off']).default('on')).describe(
    'Off: the page does not refresh itself.',
  ),
})
export type View = z.output<typeof View>

const DEFAULT: View = { page: 1, refresh: 'on' }

/** Returns the fields of a view that are not the default, for a query or for hidden fields. */
export function viewFields(view: View): [string, string][] {
  return (['page', 'refresh'] as const)
    .filter((name) => view[name] !== DEFAULT[name])
    .map((name) => [name, String(view[name])])
}

function queryOf(view: View): string {
  const query = new URLSearchParams(viewFields(view)).toString()
  return query && `?${query}`
}

/** The address of the page with this view; `part` is the id of a section. */
export function urlOf(view: View, part = ''): string {
  return `${PATH}${queryOf(view)}${part && `#${part}`}`
}

/** The address of a job's page; undefined for an id that cannot be a segment of a path. */
export function jobUrl(id: string, view: View): string | undefined {
  if (id.length > 300 || /^\.{0,2}$/.test(id) || !id.isWellFormed()) return undefined
  return `${PATH}/jobs/${encodeURIComponent(id)}${queryOf(view)}`
}
