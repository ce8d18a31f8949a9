// Sends JSON of the shape that a route documents, and keeps every other from compiling.
import type { Context, TypedResponse } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { isUnchanged } from './conditional.ts'
import { jsonText } from './json-text.ts'

/** A value whose JSON is a `T`: a date may stand for a text. */
export type BeforeJson<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer Item)[]
    ? readonly BeforeJson<Item>[]
    : T extends object
      ? { [K in keyof T]: BeforeJson<T[K]> }
      : T

/** Makes the compiler refuse a value with a field that its schema does not name. */
type OnlyDeclared<V, T> = V extends string | number | boolean | null | undefined | Date
  ? unknown
  : T extends null | undefined
    ? never
    : T extends readonly (infer Declared)[]
      ? V extends readonly (infer Item)[]
        ? readonly OnlyDeclared<Item, Declared>[]
        : never
      : T extends object
        ? { [K in keyof V]: K extends keyof T ? OnlyDeclared<V[K], T[K]> : never }
        : unknown

/** What `doc` adds to the handler: `c.var.respond(value)` sends JSON of the documented shape with the documented status. */
export type RespondEnv<S extends z.ZodType, Status extends ContentfulStatusCode> = {
  Variables: {
    respond: <V extends BeforeJson<z.output<S>>>(value: V & OnlyDeclared<V, z.output<S>>) => Answer<S, Status>
  }
}

/**
 * What `respond` returns. A handler of a module says it (`async (c): Promise<Answer<typeof Schema>>`) for the typed client: where the
 * product may be any, the compiler does not find it out, and the client has no such call.
 */
export type Answer<S extends z.ZodType, Status extends ContentfulStatusCode = 200> = Response &
  TypedResponse<z.output<S>, Status, 'json'>

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** @param covered for answers with an ETag: the headers that it covers beside the content */
export function responder(status: number, covered?: string[]) {
  return (c: Context, value: object): Response => {
    const text = jsonText(value)
    const body = () => c.get('bodyOf')(text, c.env?.method)
    if (covered === undefined) return c.body(body(), status as ContentfulStatusCode, JSON_TYPE)
    const { headers } = c.body(null) // with what the handler has set
    if (isUnchanged(c, { value, text }, headers, covered)) return new Response(null, { status: 304, headers })
    headers.set('Content-Type', JSON_TYPE['Content-Type'])
    return new Response(body(), { status, headers })
  }
}
