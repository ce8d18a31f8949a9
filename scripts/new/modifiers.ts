// What may stand behind the type of a field: :index, :unique, :min, :max and :default.
import { RESERVED } from '../../src/kit/data/list.ts'
import type { Field } from './shape.ts'
import { type Kind, writtenOf } from './types.ts'

export const MODIFIERS_USAGE = `  :index        lists filter by it, and sort by it if it has an order; of ref and account always
  :unique       no two rows of an owner, or under one parent, have the same; of what is shared no two at all
  :unique(all)  no two at all: the answer to a value that is taken tells whoever asks that it is
  :min(0)  :max(9)   of a value, of the length of a text, of the count of a list: at the door, and in the table
  :default(1)   what it is where it is left out when a row is made; of a timestamp and a date also now`

/** What a modifier makes of the field, or why it cannot. */
type Modify = (field: Field, kind: Kind, inBrackets: string | undefined) => string | undefined

export const MODIFIERS: Record<string, Modify> = {
  index(field, { index }, inBrackets) {
    if (inBrackets !== undefined) return 'takes no brackets'
    if (index === undefined) return `is for no ${field.type}`
    if (RESERVED.includes(field.name))
      return `would be a filter, and a list's query has "${field.name}" for something else`
    field.indexed = true
    field.sorted = index === 'sort'
    return undefined
  },
  unique(field, { canBeUnique }, inBrackets = 'own') {
    if (!canBeUnique) return `is for no ${field.type}`
    if (inBrackets !== 'own' && inBrackets !== 'all') return 'is unique or unique(all)'
    field.unique = inBrackets
    return undefined
  },
  min: bound('min'),
  max: bound('max'),
  default(field, { read }, inBrackets) {
    if (read === undefined) return `is for no ${field.type}`
    if (inBrackets === undefined) return 'takes a value: default(...)'
    const isNow = inBrackets === 'now' && NOW.includes(field.type)
    const value = isNow ? 'now' : read(inBrackets, field)
    if (typeof value !== 'string') return `takes a value of ${writtenOf(field)}, not ${inBrackets}`
    field.fallback = value
    return undefined
  },
}

/** The types that can be `now`. */
const NOW = ['timestamp', 'date']

function bound(side: 'min' | 'max'): Modify {
  return (field, { lengths, rank, read }, inBrackets = '') => {
    if (lengths === undefined && rank === undefined) return `is for no ${field.type}`
    if (lengths === undefined) {
      const value = read?.(inBrackets, field)
      if (typeof value !== 'string')
        return `takes a value of ${writtenOf(field)}, not ${inBrackets || 'nothing'}`
      field[side] = value
      return undefined
    }
    const [least, most] = lengths
    const length = /^\d{1,6}$/.test(inBrackets) ? Number(inBrackets) : -1
    if (length < Math.max(1, least) || length > most)
      return `is a length of ${Math.max(1, least)} to ${most}, not ${inBrackets || 'nothing'}`
    field[side] = String(length)
    return undefined
  }
}

/** What is wrong with the modifiers of a field together. */
export function faultOf(field: Field, { lengths, rank = Number }: Kind): string | undefined {
  const { min, max, fallback, unique } = field
  const [low, high] = [min, max].map((each) => each && (lengths ? Number(each) : rank(each)))
  if (low !== undefined && high !== undefined && low > high) return `:min(${min}) is more than :max(${max})`
  if (low !== undefined && low === high && lengths === undefined)
    return `:min(${min}) and :max(${max}) leave one value: it needs no field`
  if (fallback === undefined) return undefined
  if (unique !== undefined)
    return ':default and :unique do not go together: of two rows that leave it out the second would be refused'
  const value = lengths ? lengthOf(field) : rank(fallback === 'now' ? nowOf(field) : fallback)
  const [least = low, most = high] = lengths === undefined ? [] : [low ?? lengths[0], high ?? lengths[1]]
  if (least !== undefined && value < least) return `:default(${fallback}) is less than ${words(least, min)}`
  if (most !== undefined && value > most) return `:default(${fallback}) is more than ${words(most, max)}`
  return undefined
}

const words = (limit: unknown, typed: string | undefined) => typed ?? String(limit)
const lengthOf = ({ type, fallback = '' }: Field) =>
  type === 'string[]' ? (JSON.parse(fallback) as string[]).length : fallback.length
const nowOf = ({ type }: Field) => new Date().toISOString().slice(0, type === 'date' ? 10 : undefined)
