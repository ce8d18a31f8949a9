// Validates input by a zod schema on a route, and reports whatever is wrong with it in one form.
import { zValidator } from '@hono/zod-validator'
import type { Context, MiddlewareHandler } from 'hono'
import { z } from 'zod'
import {
  type ApiError,
  invalidRequest,
  type Issue,
  notFound,
  unsupportedMediaType,
} from '../types/api-error.ts'
import { isUtf8Encoded, isUtf8Url, readBody } from './body.ts'
import { tag } from './doc.ts'
import { inWords } from './input-words.ts'

const BODY_TYPES: Record<string, { is: RegExp; name: string }> = {
  json: { is: /^application\/([\w.-]+\+)?json\s*(;|$)/i, name: 'application/json' },
  form: { is: /^application\/x-www-form-urlencoded\s*(;|$)/i, name: 'application/x-www-form-urlencoded' },
}

/**
 * Validates the body (JSON or a form), the query or the path parameters; the handler reads `c.req.valid(target)`.
 * Responds with 415 to a body of another type, charset or coding, with 404 to a path parameter that cannot be an id, else
 * with 400, and with `issues` if the schema refuses.
 */
export function validate<S extends z.ZodType, T extends 'json' | 'form' | 'query' | 'param'>(
  target: T,
  schema: S,
): MiddlewareHandler<
  // Open in the environment, like Hono's own validators: it belongs to the route.
  // oxlint-disable-next-line typescript/no-explicit-any
  any,
  string,
  { in: { [K in T]: z.input<S> }; out: { [K in T]: z.output<S> } }
> {
  const bodyType = BODY_TYPES[target]
  const parse = (_: S, value: unknown) => schema.safeParseAsync(value, { error: inWords(target) })
  const check = zValidator(
    target,
    schema,
    (result, c) => {
      if (!result.success) {
        // For the request log, which shows the refused input with secrets masked.
        if (bodyType) c.req.addValidatedData(target, result.data as object)
        throw badInput(c, target, result.error)
      }
      const broken = findBrokenText(result.data)
      if (broken !== undefined) throw refused(c, target, [broken])
    },
    { validationFunction: parse as never }, // its type is open as long as S is
  )
  const handler: MiddlewareHandler = (c, next) => {
    if (bodyType) c.set('bodySchema', schema)
    if (bodyType && !bodyType.is.test(c.req.header('content-type') ?? '')) {
      throw unsupportedMediaType({ message: `Content-Type must be ${bodyType.name}` })
    }
    if (bodyType) return readAndCheck(c, next)
    const part = target === 'param' ? 'path' : 'query'
    if (!isUtf8Url(c.req.url, part))
      throw invalidRequest({ message: `The ${part} must be UTF-8, percent-encoded` })
    return check(c as never, next)
  }
  const readAndCheck: MiddlewareHandler = async (c, next) => {
    const text = await readBody(c)
    if (target === 'json' && text.trim() === '')
      throw invalidRequest({ message: 'The request body is empty' })
    if (target === 'form' && !isUtf8Encoded(text)) {
      throw invalidRequest({ message: 'The form must be UTF-8, percent-encoded' })
    }
    return check(c as never, next)
  }
  return tag(handler, { input: { target, schema }, errors: ERRORS[target] })
}

/** The same for a value that was read elsewhere. @throws invalidRequest */
export async function checkValue<S extends z.ZodType>(
  c: Context,
  target: string,
  schema: S,
  value: unknown,
): Promise<z.output<S>> {
  const { data, error } = await schema.safeParseAsync(value, { error: inWords(target) })
  if (error) throw badInput(c, target, error)
  const broken = findBrokenText(data)
  if (broken !== undefined) throw refused(c, target, [broken])
  return data
}

const ERRORS = {
  json: [invalidRequest, unsupportedMediaType],
  form: [invalidRequest, unsupportedMediaType],
  query: [invalidRequest],
  param: [invalidRequest, notFound],
}

function badInput(c: Context, target: string, error: z.core.$ZodError): ApiError {
  return refused(
    c,
    target,
    error.issues.map((i) => ({ path: i.path.map(String).join('.'), message: i.message })),
  )
}

/** The most issues in a response: a thousand wrong elements need not have a thousand lines. */
const MAX_ISSUES = 20

function refused(c: Context, target: string, issues: Issue[]): ApiError {
  if (target === 'param') return notFound(c)
  const [first] = issues
  const where = first?.path ? `${first.path}: ` : ''
  return invalidRequest({
    message: `${where}${first?.message ?? 'Bad input'}`,
    issues: issues.slice(0, MAX_ISSUES),
  })
}

/** Finds text that Postgres cannot store, at any depth: with a NUL or half a surrogate pair. */
function findBrokenText(value: unknown, path = ''): Issue | undefined {
  if (typeof value === 'string') {
    if (value.includes('\0')) return { path, message: 'must not contain a NUL character' }
    if (!value.isWellFormed()) return { path, message: 'must be well-formed Unicode' }
    return undefined
  }
  if (value === null || typeof value !== 'object') return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = findBrokenText(inner, path === '' ? key : `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Treats an empty value as absent: `?page=&search=` asks for nothing. Typed as the schema itself, because the input of a
 * preprocessing step is `unknown`, which would tell the typed client nothing.
 */
export const blankAsAbsent = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema) as z.ZodType as S

export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`)
    .meta({ type: 'integer', minimum: min, maximum: max })

export const MAX_SERIAL = 2 ** 31 - 1

/** A serial id in a path: anything else is not found. */
export const RowId = z
  .string()
  .regex(/^[1-9]\d{0,9}$/)
  .transform(Number)
  .refine((n) => n <= MAX_SERIAL)
  .meta({ type: 'integer', minimum: 1, maximum: MAX_SERIAL })
