// Keeps where on the page an operator is, in its address and in each of its forms, so that nothing loses the place.
import { z } from 'zod'
import { blankAsAbsent, Page } from '../http/validate.ts'

/** Where app.ts mounts this slice. */
export const PATH = '/api/operators'

/** Dead jobs on one page. */
export const PAGE_SIZE = 50

export const View = z.object({
  page: Page.describe('Of the dead jobs.'),
  refresh: blankAsAbsent(z.enum(['on', 'off']).default('on')).describe('Off: the page stays as it is.'),
})
export type View = z.output<typeof View>

const FIRST: View = { page: 1, refresh: 'on' }

/** What of a view is not the default, as a query or as hidden fields carry it. */
export function fieldsOf(view: View): [string, string][] {
  return (['page', 'refresh'] as const)
    .filter((name) => view[name] !== FIRST[name])
    .map((name) => [name, String(view[name])])
}

function queryOf(view: View): string {
  const query = new URLSearchParams(fieldsOf(view)).toString()
  return query && `?${query}`
}

/** The page as this view shows it; `part` is the id of a section to open it at. */
export function urlOf(view: View, part = ''): string {
  return `${PATH}${queryOf(view)}${part && `#${part}`}`
}

/** The page of one job. Not every text can be a segment of a path: undefined for these. */
export function jobUrl(id: string, view: View): string | undefined {
  if (id.length > 300 || /^\.{0,2}$/.test(id) || !id.isWellFormed()) return undefined
  return `${PATH}/jobs/${encodeURIComponent(id)}${queryOf(view)}`
}
