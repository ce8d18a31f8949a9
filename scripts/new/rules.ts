// What holds of a whole row of a new resource, or of rows together, from what is typed: `check(ends > starts)`
import { hint } from '../../src/kit/types/nearest.ts'
import type { Field } from './fields.ts'

/** No two rows have the same in all these fields. */
export interface Unique {
  word: 'unique'
  fields: string[]
  /** As of a field: `own`: within the rows that stand in one list; `all`: within the table. */
  over: 'own' | 'all'
}

/** By how a comparison is written: how it is called in names. */
export const OPERATORS = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte', '!=': 'ne' } as const
type Operator = keyof typeof OPERATORS

/** One field compares so with another of its type. */
export interface Check {
  word: 'check'
  field: string
  by: Operator
  other: string
}

/** No two rows with the same in these fields have ranges, from one field on and before the other, that overlap. */
export interface Exclude {
  word: 'exclude'
  same: string[]
  from: string
  to: string
}

export type Rule = Unique | Check | Exclude

/** What is no field of its own: rules come after these. */
export const RULE = /^([a-z]+)\(/

/** What Postgres and JavaScript put into the same order. */
export const ORDERED = ['int', 'number', 'decimal', 'date', 'timestamp', 'time']
/** Postgres's range of each type. */
export const RANGES: Record<string, string> = {
  int: 'int4range',
  decimal: 'numrange',
  date: 'daterange',
  timestamp: 'tstzrange',
}
/** Two of them cannot be told to be the same, or only at a price. */
const UNCOMPARED = ['text', 'json']
/** In which a row of a test is unlike all others. */
const VARIED = [...ORDERED, 'string', 'uuid', 'email', 'url']

export const RULES_USAGE = `Behind the fields, what holds of a whole row or of rows together, in quotes:
  'unique(court,starts)'          no two rows of an owner, or under one parent, have the same in both; 'unique(all,court,starts)': no
                                  two at all
  'check(ends > starts)'          two fields of one type compare so: > >= < <= !=
  'exclude(court, starts..ends)'  no two rows of one court overlap, from starts on and before ends, whosever they are; under a parent
                                  of its rows. 'exclude(starts..ends)': no two at all`

type Parse = (spec: string, inside: string, find: (name: string) => Field) => Rule

const PARSERS: Record<Rule['word'], Parse> = { unique: parseUnique, check: parseCheck, exclude: parseExclude }

/**
 * @param specs each of the form `word(...)`
 * @returns the rules, with the check that each exclusion needs
 * @throws Error that names the rule, what is wrong with it and what is allowed
 */
export function parseRules(specs: string[], fields: Field[]): Rule[] {
  const rules = specs.map((spec) => {
    const [opening = '', word = ''] = RULE.exec(spec) ?? []
    const parse = Object.hasOwn(PARSERS, word) ? PARSERS[word as Rule['word']] : undefined
    if (parse === undefined)
      throw new Error(`"${spec}": there is no rule "${word}"${hint(word, Object.keys(PARSERS))}`)
    if (!spec.endsWith(')')) throw new Error(`"${spec}" has no ) at its end`)
    return parse(spec, spec.slice(opening.length, -1), (name) => {
      const found = fields.find((field) => field.name === name)
      if (found) return found
      throw new Error(
        `"${spec}": there is no field "${name}"${hint(
          name,
          fields.map((field) => field.name),
        )}`,
      )
    })
  })
  // A range that ends before it starts is none, and an empty one overlaps with nothing.
  const all = [...rules, ...rules.flatMap((rule) => endsAfterStart(rule, rules))]
  ranksOf(all)
  const written = all.map((rule) => JSON.stringify(rule))
  const twice = written.findIndex((rule, i) => written.indexOf(rule) < i)
  if (twice >= 0) throw new Error(`"${specs[twice]}" stands twice`)
  return all
}

function endsAfterStart(rule: Rule, rules: Rule[]): Check[] {
  if (rule.word !== 'exclude') return []
  const { from, to } = rule
  const isSame = (other: Rule) =>
    other.word === 'check' &&
    ((other.field === to && other.other === from && other.by.startsWith('>')) ||
      (other.field === from && other.other === to && other.by.startsWith('<')))
  return rules.some(isSame) ? [] : [{ word: 'check', field: to, by: '>', other: from }]
}

/**
 * By field, how many others have to be less than it: rows of tests have values in that order.
 * @throws Error if no row could be so
 */
export function ranksOf(rules: Rule[]): Map<string, number> {
  const checks = rules.filter((rule) => rule.word === 'check')
  const ranks = new Map(checks.flatMap(({ field, other }) => [field, other]).map((name) => [name, 0]))
  const isDone = checks.map(() => false)
  for (let round = 0; round <= ranks.size && isDone.includes(false); round++) {
    for (const [i, { field, by, other }] of checks.entries()) {
      const [less, more] = by.startsWith('<') ? [field, other] : [other, field]
      const [least = 0, most = 0] = [ranks.get(less), ranks.get(more)]
      isDone[i] = by === '!=' ? most !== least : most > least
      if (!isDone[i]) ranks.set(more, least + 1)
    }
  }
  const [circle] = checks.filter((_, i) => !isDone[i])
  if (circle !== undefined)
    throw new Error(
      `"check(${circle.field} ${circle.by} ${circle.other})" goes in a circle with the others: no row could be so`,
    )
  return ranks
}

const listOf = (inside: string) => inside.split(',').map((part) => part.trim())

function parseUnique(spec: string, inside: string, find: (name: string) => Field): Unique {
  const [first, ...rest] = listOf(inside)
  const names = first === 'all' ? rest : listOf(inside)
  refuseTwice(spec, names)
  const fields = compared(spec, names, find)
  if (fields.length === 1)
    throw new Error(`"${spec}": of one field alone say ${names[0]}:${fields[0]?.type}:unique`)
  if (!fields.some(({ type }) => VARIED.includes(type)))
    throw new Error(
      `"${spec}": few rows differ in these, and the generated tests need many. Add it to table.ts when the resource is there`,
    )
  return { word: 'unique', fields: names, over: first === 'all' ? 'all' : 'own' }
}

const COMPARISON = /^\s*(\w+)\s*([<>=!]+)\s*(\S+)\s*$/

function parseCheck(spec: string, inside: string, find: (name: string) => Field): Check {
  const [, name, written = '', right = ''] = COMPARISON.exec(inside) ?? []
  const operators = Object.keys(OPERATORS) as Operator[]
  if (name === undefined)
    throw new Error(
      `"${spec}" is no comparison: it is check(ends > starts), with one of ${operators.join(' ')}`,
    )
  const by = operators.find((operator) => operator === written)
  if (by === undefined)
    throw new Error(
      /^==?$/.test(written)
        ? `"${spec}": two fields that are always the same are one`
        : `"${spec}": there is no operator ${written}: there are ${operators.join(' ')}`,
    )
  const field = find(name)
  if (!/^[a-z_]/.test(right))
    throw new Error(
      `"${spec}": a value is no field: what is the least or the most stands behind the type, ${name}:${field.type}:min(...) or :max(...)`,
    )
  const other = find(right)
  if (name === right) throw new Error(`"${spec}" compares "${name}" with itself`)
  if (field.type !== other.type || field.refersTo?.names.table !== other.refersTo?.names.table)
    throw new Error(
      `"${spec}": "${name}" is ${field.type} and "${right}" is ${other.type}: compare two of one type`,
    )
  compared(spec, [name], find)
  const [places, others] = [field.args[1], other.args[1]]
  if (field.type === 'decimal' && places !== others)
    throw new Error(
      `"${spec}": "${name}" has ${places} places behind the point and "${right}" ${others}: give both as many`,
    )
  if (by !== '!=' && !ORDERED.includes(field.type))
    throw new Error(`"${spec}": ${field.type} has no order, it takes !=`)
  return { word: 'check', field: name, by, other: right }
}

function parseExclude(spec: string, inside: string, find: (name: string) => Field): Exclude {
  const parts = listOf(inside)
  const [, from, to] = /^(\w+)\s*\.\.\s*(\w+)$/.exec(parts.pop() ?? '') ?? []
  if (from === undefined || to === undefined)
    throw new Error(
      `"${spec}" ends in no range: it is exclude(court, starts..ends), or exclude(starts..ends)`,
    )
  const [start, end] = [find(from), find(to)]
  if (RANGES[start.type] === undefined)
    throw new Error(
      `"${spec}": there are no ranges of ${start.type}: there are of ${Object.keys(RANGES).join(', ')}`,
    )
  if (start.type !== end.type)
    throw new Error(
      `"${spec}": "${from}" is ${start.type} and "${to}" is ${end.type}: a range has both of one type`,
    )
  refuseTwice(spec, [...parts, from, to])
  compared(
    spec,
    parts.filter((part) => part !== 'creator'),
    find,
  )
  return { word: 'exclude', same: parts, from, to }
}

function compared(spec: string, names: string[], find: (name: string) => Field): Field[] {
  const fields = names.map(find)
  const odd = fields.find(({ type }) => UNCOMPARED.includes(type) || type.endsWith('[]'))
  if (odd) throw new Error(`"${spec}": "${odd.name}" is ${odd.type}, which is compared with nothing`)
  return fields
}

function refuseTwice(spec: string, names: string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw new Error(`"${spec}" names "${twice}" twice`)
}
