// Explains what Postgres refuses because of a client's input, by SQLSTATE. Its own messages hold values: these do not.
import type { z } from 'zod'
import { causesOf } from '../data/transient.ts'
import { type ApiError, defineError, type ErrorKind, invalidRequest, type Issue } from '../types/api-error.ts'
import { issuesOfCheck } from './table-checks.ts'

export const alreadyExists = defineError(409, 'already_exists', 'It exists already')
export const foreignKeyViolation = defineError(
  409,
  'foreign_key_violation',
  'It refers to something that does not exist, or is still referred to',
)
export const exclusionViolation = defineError(
  409,
  'exclusion_violation',
  'It overlaps with something that exists',
)
export const checkViolation = defineError(
  409,
  'check_violation',
  'With what is there already it does not hold together: `issues` says which fields',
)

/**
 * What a constraint refuses. It goes against what is there: 409. Where the input alone is wrong, whatever is there: 400.
 * `fields` are those of the constraint that a client may set.
 */
const VIOLATIONS: Record<string, (fields: string[], error: SqlError, body?: z.ZodType) => ApiError | null> = {
  '23505': (fields) =>
    refusal(alreadyExists, fields, (others) => `exists already${others && `, with the same ${others}`}`),
  '23P01': (fields) => refusal(exclusionViolation, fields, () => 'overlaps with something that exists'),
  '23503': (fields, _, body) =>
    refusal(foreignKeyViolation, body ? fields : [], () => 'refers to nothing that there is'),
  // ON DELETE RESTRICT, to which Postgres 18 gives a code of its own: see `codeOf`.
  '23001': () => foreignKeyViolation({ message: 'It is still referred to' }),
  '23502'(_, { column_name: column = '' }, body) {
    // Else it is a column that the service itself forgot.
    const [field] = body ? settable([column], body) : []
    return field === undefined ? null : refusal(invalidRequest, [field], () => 'is required')
  },
  '23514'(_, { table_name: table, constraint_name: name }, body) {
    const issues = issuesOfCheck(body, table, name)
    if (issues.length === 0) return invalidRequest({ message: 'A value is not among those that are allowed' })
    return (issues.length > 1 ? checkViolation : invalidRequest)({ message: messageOf(issues), issues })
  },
}

/** By code, or else by class, its first two letters: invalid values. Any other error is the server's fault. */
const MESSAGES: Record<string, string> = {
  '22': 'A value cannot be stored',
  '22001': 'A text is too long',
  '22003': 'A number is out of range',
  '22007': 'A date is out of range',
  '22008': 'A date is out of range',
  '22021': 'A text holds characters that cannot be stored',
  '22P05': 'A text holds characters that cannot be stored',
}

export const UNIQUE_VIOLATION = '23505'

/**
 * Null for other errors, and for those that the client did not cause.
 * @param body the schema of the body: a client hears of the fields that it may set
 */
export function refusalOf(thrown: unknown, body?: z.ZodType): ApiError | null {
  const error = sqlErrorOf(thrown)
  if (error === undefined) return null
  const code = codeOf(error, thrown)
  const violation = VIOLATIONS[code]
  if (violation !== undefined) return violation(settable(columnsOf(error), body), error, body)
  const message = MESSAGES[code] ?? MESSAGES[code.slice(0, 2)]
  return message === undefined ? null : invalidRequest({ message })
}

/** @param say what is wrong with a field, from the others */
function refusal(
  kind: ErrorKind<[more?: object]>,
  fields: string[],
  say: (others: string) => string,
): ApiError {
  const issues = fields.map((path) => ({
    path,
    message: say(fields.filter((field) => field !== path).join(', ')),
  }))
  return issues.length === 0 ? kind() : kind({ message: messageOf(issues), issues })
}

const messageOf = ([issue]: Issue[]) => `${issue?.path}: ${issue?.message}`

/** A name as SQL writes it, that is not a function's. */
const NAME = /"((?:[^"]|"")+)"|[a-z_][\w$]*(?![\w$(])/g

/**
 * The columns of a key: in every language the detail says `(court, tstzrange(starts, ends))=(...)`, and only then the values. A
 * name that a fork gives to a constraint does not matter.
 */
function columnsOf({ detail = '' }: SqlError): string[] {
  const [, key = ''] = /\(([^]*?)\)=\(/.exec(detail) ?? []
  const names = key.replaceAll(/'[^']*'|::[\w ]+/g, '').matchAll(NAME)
  return [...new Set([...names].map(([name, quoted]) => quoted?.replaceAll('""', '"') ?? name))]
}

/** Those of the columns that the body may have, as it calls them; without a schema of it all. */
function settable(columns: string[], body: z.ZodType | undefined): string[] {
  if (body === undefined) return columns
  const known = fieldsOf(body)
  const plain = (name: string) => name.replaceAll('_', '').toLowerCase()
  return columns.flatMap((column) => known.find((field) => plain(field) === plain(column)) ?? [])
}

/** Of an object, or of each object in a list. */
function fieldsOf(schema: object): string[] {
  if ('shape' in schema) return Object.keys(schema.shape as object)
  return 'element' in schema ? fieldsOf(schema.element as object) : []
}

interface SqlError {
  code: string
  detail?: string
  table_name?: string
  column_name?: string
  constraint_name?: string
}

/** Before 18 a deletion that a reference holds has the code of a reference to nothing, which no deletion makes. */
const codeOf = ({ code }: SqlError, thrown: unknown): string =>
  code === '23503' &&
  causesOf(thrown).some((error) => 'query' in error && /^delete\b/i.test(String(error.query)))
    ? '23001'
    : code

const SQLSTATE = /^[0-9A-Z]{5}$/

/** Searches the causes, as Drizzle wraps the errors of postgres.js. */
function sqlErrorOf(thrown: unknown): SqlError | undefined {
  for (const error of causesOf(thrown)) {
    if ('code' in error && typeof error.code === 'string' && SQLSTATE.test(error.code))
      return error as SqlError
  }
  return undefined
}
