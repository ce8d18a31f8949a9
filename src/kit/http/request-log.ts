// Logs one line per request, when its response is ready.
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { MASK, summarize } from '../log/redact.ts'
import type { AppEnv } from './env.ts'
import { middleware } from './factory.ts'
import { sentSession } from './sent-session.ts'

/** A longer path is cut. */
export const MAX_PATH = 500

/** The part of the config that the log needs. */
interface Settings {
  slowRequestMs: number
  log: { redact: readonly string[] }
}

/**
 * Logs who requested what, with which input, and the outcome: a status below 400 as info, 4xx as a warning, 5xx as an
 * error. A request that takes longer than `slowRequestMs` is at least a warning, and says SLOW!
 */
export const requestLog = (config: Settings) =>
  middleware(async (c, next) => {
    const started = performance.now()
    const observeEnd = c.env?.observe?.(c.req.method, c.req.path, c.get('requestId'))
    let status = 500 // if something is thrown past every error handler
    try {
      await next()
      status = c.res.status
    } finally {
      const elapsed = performance.now() - started
      writeLine(c, status, elapsed, config)
      observeEnd?.(routePath(c), status, elapsed)
    }
  })

function writeLine(c: Context<AppEnv>, status: number, elapsed: number, config: Settings) {
  const token = c.get('tokenSession')
  const session = sentSession(c) ?? token
  const slow = elapsed > config.slowRequestMs
  const level = status >= 500 ? 'error' : status >= 400 || slow ? 'warn' : 'info'
  c.get('log')[level](slow ? `SLOW! ${Math.round(elapsed)} ms` : 'request', {
    user: session?.userId ?? 'anon',
    impersonator: session?.impersonator,
    token: token?.access?.id,
    ip: c.get('ip'),
    method: c.env?.method ?? c.req.method,
    path: c.req.path.slice(0, MAX_PATH),
    status,
    ms: Math.round(elapsed * 10) / 10,
    requestId: c.get('requestId'),
    code: c.get('errorCode'),
    input: inputOf(c, config.log.redact),
  })
}

/** What somebody comes back with from a login elsewhere (OAuth), and goes on with where they have to sign in first. */
const CODE = /([?&]code=)[^&#]*/g

/** The query, and the body if a validator has parsed one: nothing is read or parsed just for the log. */
function inputOf(c: Context<AppEnv>, secretKeys: readonly string[]): string | undefined {
  const query = c.req.url.includes('?') ? single(c.req.queries()) : undefined
  const body: unknown = c.req.valid('json' as never) ?? c.req.valid('form' as never)
  return query === undefined && body === undefined ? undefined : summarize({ query, body }, secretKeys)
}

function single(queries: Record<string, string[]>): Record<string, string | string[] | undefined> {
  const flat: Record<string, string | string[] | undefined> = {}
  for (const [name, values] of Object.entries(queries)) {
    const shown = name === 'code' ? [MASK] : values.map((value) => value.replace(CODE, `$1${MASK}`))
    flat[name] = shown.length === 1 ? shown[0] : shown
  }
  return flat
}
