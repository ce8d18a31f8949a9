// Asks of a body what the checks of its table compare, and says the same where only the table itself can tell.
import { getTableColumns, getTableName } from 'drizzle-orm'
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { textOf } from '../data/sql-text.ts'
import type { Issue } from '../types/api-error.ts'
import { unitsOf, withSeconds } from './field-inputs.ts'

/** A check of a table. */
interface TableCheck {
  name: string
  /** What it is about, each once, as the table's declaration calls them. */
  fields: string[]
  /** It compares the first of them with the second, or with a value, and does nothing else. */
  by?: Operator
  value?: string
}

type Operator = keyof typeof OPERATORS

const OPERATORS = {
  '>': { holds: (a: Value, b: Value) => a > b, turned: '<', words: ['more than', 'after'] },
  '>=': { holds: (a: Value, b: Value) => a >= b, turned: '<=', words: ['at least', 'at or after'] },
  '<': { holds: (a: Value, b: Value) => a < b, turned: '>', words: ['less than', 'before'] },
  '<=': { holds: (a: Value, b: Value) => a <= b, turned: '>=', words: ['at most', 'at or before'] },
  '=': { holds: (a: Value, b: Value) => a === b, turned: '=', words: ['the same as', 'the same as'] },
  '!=': { holds: (a: Value, b: Value) => a !== b, turned: '!=', words: ['other than', 'other than'] },
} as const

/** What JavaScript compares as Postgres does. */
type Value = number | bigint | string

type Check = z.core.$ZodCheck<Record<string, unknown>>

const tables = new WeakMap<object, PgTable>()

/**
 * For the schema of a whole body or of a partial one: `.check(tableChecks(bookings))`. What the table's checks compare, fields
 * or one with a number, is refused here as far as the body has it: 400. The rest only the table knows: where it refuses, the answer
 * names the fields in the same words, by 409 `check_violation`.
 */
export function tableChecks(table: PgTable): Check {
  const columns = getTableColumns(table)
  const checks = checksOf(table)
  const check = z.check<Record<string, unknown>>(({ value: body, issues }) => {
    const isFaulty = (field = '') => issues.some(({ path }) => path?.[0] === field)
    const failed = checks.filter(({ fields: [field = '', second = ''], by, value }) => {
      if (by === undefined || isFaulty(field) || isFaulty(second)) return false
      const left = valueOf(body[field], columns[field])
      const right =
        value === undefined ? valueOf(body[second], columns[second]) : valueIn(value, columns[field])
      return left !== undefined && right !== undefined && !OPERATORS[by].holds(left, right)
    })
    for (const one of failed)
      for (const { path, message } of issuesOf(one, columns))
        issues.push({ code: 'custom', input: body, path: [path], message, params: { check: one.name } })
  })
  tables.set(check, table)
  return check
}

/** The issues of a check that a table has refused, if the body's schema asks those of this table. */
export function issuesOfCheck(body: z.ZodType | undefined, tableName = '', name = ''): Issue[] {
  for (const asked of body?.def.checks ?? []) {
    const table = tables.get(asked)
    const check =
      table && getTableName(table) === tableName && checksOf(table).find((one) => one.name === name)
    if (table && check) return issuesOf(check, getTableColumns(table))
  }
  return []
}

/** One for each field. */
function issuesOf({ fields, by, value }: TableCheck, columns: Record<string, PgColumn>): Issue[] {
  const [first = '', second] = fields
  const how = (operator: Operator) => OPERATORS[operator].words[isTime(columns[first]) ? 1 : 0]
  if (by && value !== undefined) return [{ path: first, message: `must be ${how(by)} ${value}` }]
  if (by && second !== undefined)
    return [
      { path: first, message: `must be ${how(by)} ${second}` },
      { path: second, message: `must be ${how(OPERATORS[by].turned)} ${first}` },
    ]
  return fields.map((path) => {
    const others = fields.filter((field) => field !== path)
    return { path, message: others.length > 0 ? `does not go with ${others.join(', ')}` : 'is not allowed' }
  })
}

const COMPARISON = /^#0 (>=?|<=?|!?=) (?:#1|(-?\d+(?:\.\d+)?))$/

function checksOf(table: PgTable): TableCheck[] {
  const names = Object.entries(getTableColumns(table))
  return getTableConfig(table).checks.map(({ name, value }) => {
    const { text, columns } = textOf(value)
    const fields = columns.map(
      (each) => names.find(([, { name: own }]) => own === each.name)?.[0] ?? each.name,
    )
    const [, by, number] = COMPARISON.exec(text) ?? []
    return {
      name,
      fields: [...new Set(fields)],
      ...(by && { by: by as Operator }),
      ...(number && { value: number }),
    }
  })
}

const isTime = (column: PgColumn | undefined) => /^Pg(Date|Time)/.test(column?.columnType ?? '')

function valueOf(value: unknown, column: PgColumn | undefined): Value | undefined {
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value !== 'string') return undefined
  if (column?.columnType === 'PgUUID') return value.toLowerCase()
  if (column?.columnType === 'PgTime') return withSeconds(value)
  return column?.columnType === 'PgNumeric' ? unitsOf(value, SCALE) : value
}

/** A number in a check. */
const valueIn = (number: string, column: PgColumn | undefined) =>
  column?.columnType === 'PgNumeric' ? unitsOf(number, SCALE) : Number(number)

/** Digits behind the point that Postgres's `numeric` is compared by. */
const SCALE = 40
