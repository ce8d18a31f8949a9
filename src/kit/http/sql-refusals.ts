// Explains what Postgres refuses because of a client's input, by SQLSTATE. Its own messages hold values: these do not.
import { causesOf } from '../data/transient.ts'
import { type ApiError, defineError, invalidRequest } from '../types/api-error.ts'

export const alreadyExists = defineError(409, 'already_exists', 'It exists already')
export const foreignKeyViolation = defineError(
  400,
  'foreign_key_violation',
  'It refers to something that does not exist, or is still referred to',
)
export const exclusionViolation = defineError(
  400,
  'exclusion_violation',
  'It overlaps with something that exists',
)

/** Refusals with a code of their own. */
const KINDS: Record<string, () => ApiError> = {
  // ON DELETE RESTRICT, to which Postgres 18 gives a code of its own.
  '23001': () => foreignKeyViolation({ message: 'It is still referred to' }),
  '23503': () => foreignKeyViolation(),
  '23P01': () => exclusionViolation(),
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
  '23514': 'A value is not among those that are allowed',
}

export const UNIQUE_VIOLATION = '23505'

/** Null for other errors, and for those that the client did not cause. */
export function refusalOf(thrown: unknown): ApiError | null {
  const error = sqlErrorOf(thrown)
  if (error === undefined) return null
  if (error.code === UNIQUE_VIOLATION) return alreadyThere(error)
  const message = MESSAGES[error.code] ?? MESSAGES[error.code.slice(0, 2)]
  return KINDS[error.code]?.() ?? (message === undefined ? null : invalidRequest({ message }))
}

function alreadyThere(error: SqlError): ApiError {
  const path = fieldOf(error)
  if (path === '') return alreadyExists()
  return alreadyExists({
    message: `${path}: exists already`,
    issues: [{ path, message: 'exists already' }],
  })
}

/**
 * Returns the column, from the names that Drizzle and Postgres give to constraints: `books_isbn_unique`,
 * `books_isbn_key`. For several columns their names as in the constraint; empty for a primary key.
 */
function fieldOf({ table_name: table = '', constraint_name: constraint = '' }: SqlError): string {
  const ofTable = constraint.startsWith(`${table}_`) ? constraint.slice(table.length + 1) : constraint
  return ofTable.replace(/(^|_)(unique|key|uniq|idx|index|pkey|pk)$/, '')
}

interface SqlError {
  code: string
  table_name?: string
  constraint_name?: string
}

const SQLSTATE = /^[0-9A-Z]{5}$/

/** Searches the causes, as Drizzle wraps the errors of postgres.js. */
function sqlErrorOf(thrown: unknown): SqlError | undefined {
  for (const error of causesOf(thrown)) {
    if ('code' in error && typeof error.code === 'string' && SQLSTATE.test(error.code))
      return error as SqlError
  }
  return undefined
}
