// The words of the typed client that stand in no file of the kit: its types, `createClient` and `errorOf`.

export const HONO_IMPORTS = `import type { Hono } from 'hono'
import { hc, type ClientRequestOptions } from 'hono/client'
import type { JSONValue } from 'hono/utils/types'
`

export const PART_IMPORTS = `import { retryingFetch, withKeys, type RetryOptions } from './retry.js'
export { itemsOf, ListFailure } from './list-items.js'
`

/**
 * @param schema the type of every path, method, input and answer
 * @param codes of all errors
 */
export const typesText = (schema: string, codes: string[]) => `type Api = ${schema}

/** What the API takes and answers, for \`hc\` of hono/client. */
export type AppType = Hono<{}, Api['routes'], '/'>

/** The codes of errors. A later version of the API may bring new ones: let a \`switch\` have a default. */
export type ErrorCode =${codes.map((code) => `\n  | '${code}'`).join('')}

/** The body of an error. A code may bring more, as the API list says of it. */
export type ErrorBody = Api['error'] & { code: ErrorCode; [more: string]: unknown }
`

const CREATE_CLIENT = `/**
 * A client of the API at a URL. For cookies from another origin: \`{ init: { credentials: 'include' } }\`;
 * by a token: \`{ headers: { Authorization: 'Bearer ...' } }\`.
 * It sends again what fails in passing, a POST too where the API does it once for its \`Idempotency-Key\`, which the client adds.
 */
`
const ERROR_OF =
  '/** The error of a failed response. Undefined for a success, and for what another than the API answers, such as a proxy. */\n'

/** @param idempotent the routes with that word: `POST /api/books` */
export const codeText = (
  idempotent: string[],
) => `const IDEMPOTENT_ROUTES: string[] = ${JSON.stringify(idempotent, null, 2)}

${CREATE_CLIENT}export const createClient = (
  baseUrl: string,
  { retry, fetch, ...options }: ClientRequestOptions & { retry?: RetryOptions } = {},
): ReturnType<typeof hc<AppType>> =>
  withKeys(
    hc<AppType>(baseUrl, { ...options, fetch: retryingFetch(retry, fetch as Parameters<typeof retryingFetch>[1]) }),
    IDEMPOTENT_ROUTES,
  )

${ERROR_OF}export async function errorOf(response: Pick<Response, 'ok' | 'clone'>): Promise<ErrorBody | undefined> {
  if (response.ok) return undefined
  const body = await response.clone().json().catch(() => undefined)
  return typeof body?.code === 'string' ? body : undefined
}
`

/** What `codeText` has, for the package. */
export const DECLARATIONS = `${CREATE_CLIENT}export declare const createClient: (
  baseUrl: string,
  options?: ClientRequestOptions & { retry?: RetryOptions },
) => ReturnType<typeof hc<AppType>>

${ERROR_OF}export declare function errorOf(response: Pick<Response, 'ok' | 'clone'>): Promise<ErrorBody | undefined>

export type { RetryOptions }
`
