// Says what is wrong with an input in words for whoever sent it, in place of zod's own terms.
import type { z } from 'zod'

const TYPES: Record<string, string> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  null: 'null',
  object: 'an object',
  record: 'an object',
  string: 'a text',
}

const FORMATS: Record<string, string> = {
  email: 'an email address',
  url: 'a URL',
  uuid: 'a UUID',
  date: 'a date: 2026-01-31',
  datetime: 'a time with its zone: 2026-01-31T12:00:00Z',
  time: 'a time: 12:00:00',
}

/** What is counted, of inputs that have a size. */
const UNITS: Record<string, string> = {
  string: 'characters',
  array: 'elements',
  set: 'elements',
  map: 'pairs',
}

/** Undefined leaves it to zod. A schema's own message takes precedence over both. */
export const inWords =
  (target: string): z.core.$ZodErrorMap =>
  (issue) => {
    if (issue.input === undefined) return 'is required'
    // In a query or a form, only a repeated field is an array.
    if (target !== 'json' && Array.isArray(issue.input) && issue.code.startsWith('invalid_'))
      return 'must be given once'
    switch (issue.code) {
      case 'invalid_type':
        return `must be ${TYPES[issue.expected] ?? `a ${issue.expected}`}`
      case 'invalid_format':
        return FORMATS[issue.format] && `must be ${FORMATS[issue.format]}`
      case 'invalid_value':
        return issue.values.length === 1
          ? `must be ${String(issue.values[0])}`
          : `must be one of ${issue.values.join(', ')}`
      case 'too_small':
        return `must ${bound('least', issue.origin, issue.minimum, issue.inclusive)}`
      case 'too_big':
        return `must ${bound('most', issue.origin, issue.maximum, issue.inclusive)}`
      default:
        return undefined
    }
  }

function bound(word: 'least' | 'most', origin: string, limit: number | bigint, inclusive = true): string {
  const unit = UNITS[origin]
  if (unit !== undefined) return `have at ${word} ${limit} ${limit === 1 ? unit.slice(0, -1) : unit}`
  if (inclusive) return `be at ${word} ${limit}`
  return `be ${word === 'least' ? 'more' : 'less'} than ${limit}`
}
