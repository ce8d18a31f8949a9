// Serves lists: describes what the query of a list takes, and answers with a page and the links to those around it.
import { z } from 'zod'
import { columnsIn, type List, type ListTypes } from '../data/list.ts'
import { invalidCursor } from '../data/list-order.ts'
import { countList, MAX_COUNT, readList } from '../data/list-page.ts'
import { Flag } from '../data/list-values.ts'
import { hint } from '../types/nearest.ts'
import type { AnyContext } from './env.ts'
import { linkPages, refuseDeep } from './paging.ts'
import { blankAsAbsent, wholeNumber } from './validate.ts'

/** What a list's route says in its `doc`. */
export const LIST = {
  headers: {
    Link: 'The next page, by its cursor, if there is one; the previous and the first (RFC 8288).',
    'Total-Count': `How many rows there are, if \`count\` asks; \`${MAX_COUNT}+\` beyond that.`,
  },
  errors: [invalidCursor],
}

/** Counts from 1; 0 is the first page too. */
const Page = blankAsAbsent(wholeNumber(0, 2 ** 31 - 1).default(1))
const pageSize = (most: number, byDefault: number) => blankAsAbsent(wholeNumber(1, most).default(byDefault))
const Search = blankAsAbsent(z.string().max(200).optional())
/** As long as the texts that Postgres can index. */
const MAX_CURSOR = 8000
const Cursor = blankAsAbsent(z.string().max(MAX_CURSOR).optional())

type Optional<Out, In = string> = z.ZodOptional<z.ZodType<Out, In>>

/** The query of a list, as zod's object. */
type ListQuery<T extends ListTypes> = z.ZodObject<
  {
    page: typeof Page
    limit: ReturnType<typeof pageSize>
    size: ReturnType<typeof sizeAlias>
    cursor: typeof Cursor
    before: typeof Cursor
    sort: Optional<T['sort'], T['sort']>
    count: Optional<boolean, 'true' | 'false'>
  } & {
    [K in T['filter'] | `${T['range']}[${'gte' | 'lt'}]`]: Optional<unknown>
  } & (T['isSearched'] extends true ? { search: typeof Search } : unknown) &
    (T['hasDeleted'] extends true ? { deleted: Optional<boolean, 'true' | 'false'> } : unknown)
>

/** The other name of the size; it takes precedence. */
const sizeAlias = (most: number) =>
  blankAsAbsent(wholeNumber(1, most).optional()).describe('The same as `limit`.')

/** What the query of a list takes: the sort is JSON:API's (`-created`), ranges are Stripe's (`starts[gte]=`, `starts[lt]=`). */
export function listQuery<T extends ListTypes>(list: List<T>): ListQuery<T> {
  const { most, byDefault } = list.pageSize
  const words = [...list.orders.keys()]
  const response = list.fields.response.shape as Record<string, z.ZodType>
  const filters = [...list.filters].map(([name, { field, compare, value: one }]) => {
    const value = blankAsAbsent(one.optional())
    const about = ABOUT[compare] ?? response[field]?.description
    return [name, about === undefined ? value : value.describe(about)] as const
  })
  const shape = {
    page: Page,
    limit: pageSize(most, byDefault),
    size: sizeAlias(most),
    cursor: Cursor.describe(
      'Where the page begins, from the Link header of the previous one. `page` is then only a label.',
    ),
    before: Cursor.describe('Where the page ends, from the Link header of the next one.'),
    sort: blankAsAbsent(
      z
        .enum(words, {
          error: ({ input }) =>
            typeof input === 'string' ? `is no order of this list${hint(input, words)}` : undefined,
        })
        .optional(),
    ).describe(`The order; \`-\` is the other way round. \`${list.ownSort}\` if it is not named.`),
    count: blankAsAbsent(Flag.optional()).describe('Whether `Total-Count` is wanted.'),
    ...(list.ofDeleted && {
      deleted: blankAsAbsent(Flag.optional()).describe('The rows that are deleted, and can be restored.'),
    }),
    ...(list.search.length > 0 && { search: Search.describe(searchWords(list)) }),
    ...Object.fromEntries(filters),
  }
  const query = list.ignoresOthers ? z.object(shape) : z.strictObject(shape, { error: unknownKey(shape) })
  return query as unknown as ListQuery<T>
}

/** Does not name it: no answer echoes an input. */
const unknownKey =
  (shape: object): z.core.$ZodErrorMap =>
  (issue) =>
    issue.code === 'unrecognized_keys'
      ? `The query has a word that this list does not take${hint(issue.keys[0] ?? '', Object.keys(shape))}`
      : undefined

const ABOUT: Record<string, string> = { '>=': 'From this on.', '<': 'Before this.', has: 'Is one of them.' }

const searchWords = ({ search }: List) => {
  const names = search.flatMap((each) => columnsIn(each)).map(({ name }) => `\`${name}\``)
  return `Part of ${names.join(' or ')}, in any case.`
}

type Query<T extends ListTypes> = Partial<z.output<ListQuery<T>>> & { [K in T['within']]: string | number }

/**
 * Loads a page, and sets its `Link` header, and `Total-Count` if the query asks for it.
 * @param query what `listQuery` has validated, and the field that the path names
 * @throws ApiError 400 for a page number that skips too many rows, and `invalid_cursor`
 */
export async function answerList<T extends ListTypes>(
  c: AnyContext,
  all: List<T>,
  scope: T['scope'],
  query: Query<T>,
): Promise<T['row'][]> {
  const { page = 1, limit = all.pageSize.byDefault, size = limit, ...asked } = query as Asked
  const { cursor, before, sort, search, count, ...filters } = asked
  const { deleted, ...others } = filters
  const list = (deleted === true && all.ofDeleted) || all
  const given = all.ofDeleted === undefined ? filters : others
  const at = Math.max(1, page)
  const isByNumber = cursor === undefined && before === undefined
  if (isByNumber) refuseDeep(at, size)
  const offset = isByNumber ? (at - 1) * size : 0
  const reading = readList(list, scope, { sort, search, given, cursor, before, limit: size, offset })
  if (count === true) {
    const [total] = await Promise.all([countList(list, scope, { search, given }), reading])
    c.header('Total-Count', total > MAX_COUNT ? `${MAX_COUNT}+` : String(total))
  }
  const { rows, next, prev } = await reading
  linkPages(c, { at, size, next, prev, isFirst: isByNumber && at === 1 })
  return rows
}

interface Asked extends Record<string, unknown> {
  page?: number
  limit?: number
  size?: number
  cursor?: string
  before?: string
  sort?: string
  search?: string
  count?: boolean
}
