// Holds every response of the app under test against what its route declares: a status, a code or a body that it does not is
// a fault.
import { isDeepStrictEqual } from 'node:util'
import type { Router } from 'hono/router'
import type { RouterRoute } from 'hono/types'
import type { AppEnv } from '../../../src/kit/http/env.ts'
import { describeRoutes, errorsOf, type ApiRoute } from '../../../src/kit/http/doc.ts'
import { ErrorBody } from '../../../src/kit/http/errors.ts'

/** What is needed of an app. */
export interface CheckedApp {
  fetch(request: Request, env: AppEnv['Bindings']): Response | Promise<Response>
  routes: RouterRoute[]
  router: Pick<Router<[unknown, RouterRoute]>, 'match'>
}

/**
 * Wraps the app. `verdict` throws what was found since the last call, so that the test that caused it fails.
 * Routes without a `doc` are of the test's own making, and are let pass.
 */
export function checkAnswers(app: CheckedApp, { foresees500 = false } = {}) {
  const faults: string[] = []
  let routes: Map<string, ApiRoute> | undefined

  async function check(request: Request, response: Response): Promise<void> {
    const route = routeOf(app, request)
    routes ??= new Map(describeRoutes(app).map((described) => [nameOf(described), described]))
    const declared = route && (routes.get(nameOf(route)) ?? (routes = undefined))
    const fault = await findFault(request.method, response, declared, foresees500)
    if (fault !== undefined) faults.push(`${request.method} ${new URL(request.url).pathname} ${fault}`)
  }

  return {
    async fetch(request: Request, env: AppEnv['Bindings']): Promise<Response> {
      const response = await app.fetch(request, env)
      if (!request.signal.aborted) await check(request, response)
      return response
    },
    verdict(): void {
      const found = faults.splice(0)
      if (found.length > 0) throw new Error(`Answers that no route declares:\n${found.join('\n')}`)
    },
  }
}

const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`

/** The route that answers, or undefined: a preflight, or a path or method that does not exist. */
function routeOf(app: CheckedApp, request: Request) {
  const { pathname } = new URL(request.url)
  const path = pathname.length > 1 ? pathname.replace(/\/$/, '') : pathname
  const [handlers] = app.router.match(request.method === 'HEAD' ? 'GET' : request.method, path)
  return handlers.map(([[, route]]) => route).findLast(({ method }) => method !== 'ALL')
}

async function findFault(
  method: string,
  response: Response,
  route: ApiRoute | undefined,
  foresees500: boolean,
): Promise<string | undefined> {
  const { status } = response
  const type = response.headers.get('content-type') ?? ''
  // Only JSON is read: what else is answered may be a stream.
  const isRead = method !== 'HEAD' && type.startsWith('application/json')
  const body: unknown = isRead ? await response.clone().json() : undefined
  if (route?.doc !== undefined && (status === 500 ? !foresees500 : !isDeclared(status, body, route))) {
    const declared = [route.doc.status, ...route.otherStatuses]
    const errors = errorsOf([route]).map((kind) => `${kind.status} ${kind.code}`)
    const { code = '' } = (status >= 400 && (body as { code?: string })) || {}
    return `answered ${`${status} ${code}`.trim()}; declared are ${[...declared, ...errors].join(', ')}`
  }
  if (method === 'HEAD') return undefined
  if (status >= 400) {
    const isPage = route?.doc?.response === 'text/html' || route?.doc?.response === null
    if (isPage && type.startsWith('text/html')) return undefined
    const { code: its } = (body ?? {}) as { code?: string }
    const more = route && errorsOf([route]).find(({ code }) => code === its)?.body
    const read = ErrorBody.extend(more?.shape ?? {}).safeParse(body) as ReturnType<typeof ErrorBody.safeParse>
    const fits = read.success && isDeepStrictEqual(read.data, body) && read.data.err.startsWith(`${status}: `)
    return fits ? undefined : `answered ${status} with a body that is no error: ${JSON.stringify(body)}`
  }
  if (status !== route?.doc?.status || route.doc.response === null) return undefined
  const { response: declared } = route.doc
  if (typeof declared === 'string')
    return declared === '*/*' || type.startsWith(declared)
      ? undefined
      : `answered ${type} instead of ${declared}`
  const read = declared.safeParse(body)
  if (!read.success) return `answered what its schema does not allow: ${read.error.message}`
  // The schema drops what it does not name: equal to the original, nothing else was in it.
  return isDeepStrictEqual(read.data, body)
    ? undefined
    : `answered more than its schema names: ${JSON.stringify(body)}`
}

/** An error that is a page, or has no body, counts by its status alone. */
function isDeclared(status: number, body: unknown, route: ApiRoute): boolean {
  if (status < 400) return status === route.doc?.status || route.otherStatuses.includes(status)
  const codes = errorsOf([route]).filter((kind) => kind.status === status)
  return body === undefined
    ? codes.length > 0
    : codes.some(({ code }) => code === (body as { code?: unknown }).code)
}
