// Tells whether a table has an index along which a page of a list is read: one whose first columns the conditions fix, and
// whose next are the order. An index of some rows, `where deleted is null`, counts where the conditions ask for just those.
import type { SQL } from 'drizzle-orm'
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core'
import type { Order } from './list-order.ts'
import { keyOf } from './pages-by-key.ts'
import { textOf } from './sql-text.ts'

/** A column in an index; undefined: an expression, or nulls that stand elsewhere than lists have them. */
type Indexed = { name: string; desc: boolean } | undefined

/** @param rule the conditions of the page but for its cursor */
export function isAlongIndex(table: PgTable, rule: SQL | undefined, order: Order): boolean {
  const all = comparisonsOf(rule)
  if (all === undefined) return false
  const [asked, compared] = [all.filter(isNullTest), all.filter((one) => !isNullTest(one))]
  const fixed = new Set(compared.filter(({ by }) => by === '=').map(({ name }) => name))
  const rest = order.filter(({ column }) => !fixed.has(column.name))
  if (compared.some(({ by, name }) => by !== '=' && name !== rest[0]?.column.name)) return false
  return indexesOf(table).some(({ columns, where }) => {
    if (!isSame(comparisonsOf(where), asked)) return false
    const [first, next] = [columns.slice(0, fixed.size), columns.slice(fixed.size)]
    const isRead = (backwards: boolean) =>
      rest.every(
        ({ column, desc }, i) => next[i]?.name === column.name && next[i].desc === (desc !== backwards),
      )
    return first.every((each) => each && fixed.has(each.name)) && (isRead(false) || isRead(true))
  })
}

/** Of a column with a value, which may be `opaque`; with nothing behind it, as in one of two alternatives. */
const COMPARISON =
  /^#(\d+) (?:(=|>=|<) (?:\?|select \?::(?:\?|\w+|double precision|timestamp with time zone))|(is null))$/

interface Comparison {
  name: string
  by: string
}

const isNullTest = ({ by }: Comparison) => by === 'is null'

const isSame = (one: Comparison[] | undefined, other: Comparison[]) =>
  one?.length === other.length &&
  one.every(({ name, by }) => other.some((each) => each.name === name && each.by === by))

/** Undefined if the rule is more than columns compared with values, or with null. */
function comparisonsOf(rule: SQL | undefined): Comparison[] | undefined {
  if (rule === undefined) return []
  const { text, columns } = textOf(rule)
  const parts = text.replaceAll(/[()]/g, '').split(' and ')
  const compared = parts.map((part) => {
    const [, at, by, nullTest = ''] = COMPARISON.exec(part) ?? []
    return { name: columns[Number(at)]?.name, by: by ?? nullTest }
  })
  return compared.every((each): each is Comparison => each.name !== undefined) ? compared : undefined
}

function indexesOf(table: PgTable): { columns: Indexed[]; where?: SQL | undefined }[] {
  const plain = (all: PgColumn[]) => ({ columns: all.map(({ name }) => ({ name, desc: false })) })
  const { indexes, uniqueConstraints } = getTableConfig(table)
  return [
    plain(keyOf(table)),
    ...uniqueConstraints.map(({ columns }) => plain(columns)),
    ...indexes
      .filter(({ config }) => (config.method ?? 'btree') === 'btree')
      .map(({ config }) => ({ columns: config.columns.map(indexed), where: config.where })),
  ]
}

function indexed(column: object): Indexed {
  if (!('indexConfig' in column) || !('name' in column)) return undefined
  const { order = 'asc', nulls = 'last' } = column.indexConfig as { order?: string; nulls?: string }
  const desc = order === 'desc'
  return nulls === (desc ? 'first' : 'last') ? { name: String(column.name), desc } : undefined
}
