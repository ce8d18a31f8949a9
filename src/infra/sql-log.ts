// LOG_SQL=1: every statement in the log, with its time, and with secrets masked.
import type postgres from 'postgres'
import type { Log } from '../deps.ts'
import { MASK, mentionsSecret, summarize } from '../web/redact.ts'

const MAX_STATEMENT = 2000
const MAX_PARAMETERS = 50
const MAX_PARAMETER = 100

/** What is used of a postgres.js query: it is lazy, and whatever first wants its result calls `handle`, which sends it. */
interface Query extends Promise<unknown> {
  strings: readonly string[]
  args: readonly unknown[]
  /** Set when it is sent: the text and parameters that a tagged template has become. */
  string?: string
  parameters?: readonly unknown[]
  executed: boolean
  handle(): Promise<unknown>
}

// oxlint-disable-next-line typescript/no-explicit-any -- a proxy stands in for functions of every type
type AnyFunction = (...args: any[]) => any

/**
 * A client that logs each statement when it has finished or failed, with the milliseconds since it was
 * sent, the wait for a free connection included. The given client stays as it is: use the one returned.
 */
export function logStatements(sql: postgres.Sql, log: Log, secretKeys: readonly string[] = []): postgres.Sql {
  const write = (since: number, statement: object, error?: unknown) =>
    log.info('sql', {
      ms: Math.round((performance.now() - since) * 10) / 10,
      ...statement,
      failed: codeOf(error),
    })

  function watch(query: unknown): unknown {
    if (!isQuery(query)) return query
    const send = query.handle.bind(query)
    query.handle = () => {
      if (query.executed) return send()
      const since = performance.now()
      const sent = send()
      // The promise's own `then`: Query's would call `handle` again. It keeps the caller's async context.
      void Promise.prototype.then.call(
        query,
        () => write(since, printable(query, secretKeys)),
        (error) => write(since, printable(query, secretKeys), error ?? 'unknown'),
      )
      return sent
    }
    return query
  }

  /** `begin` and `savepoint`: their callback gets a client that logs too. What they send themselves is timed from outside. */
  function watchScope(
    method: AnyFunction,
    words: { open: string; done: string; undone: string },
  ): AnyFunction {
    return async (...args) => {
      const work = args.pop()
      if (typeof work !== 'function')
        throw new TypeError(`${words.open} needs a function as its last argument`)
      let statement = words.open
      let since = performance.now()
      const step = (next: string) => {
        statement = next
        since = performance.now()
      }
      const watchedWork = async (scope: postgres.Sql) => {
        write(since, { sql: statement })
        step(words.undone)
        const result = work(wrap(scope))
        const settled = await (Array.isArray(result) ? Promise.all(result) : result)
        step(words.done)
        return settled
      }
      try {
        const result = await method(...args, watchedWork)
        if (statement !== '') write(since, { sql: statement })
        return result
      } catch (error) {
        write(since, { sql: statement }, statement === words.undone ? undefined : error)
        throw error
      }
    }
  }

  function wrap<T extends AnyFunction>(client: T): T {
    return new Proxy(client, {
      apply: (target, self, args) => watch(Reflect.apply(target, self, args)),
      get(target, key) {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        const method: AnyFunction = value.bind(target)
        if (key === 'unsafe' || key === 'file') return (...args: unknown[]) => watch(method(...args))
        if (key === 'begin') return watchScope(method, { open: 'begin', done: 'commit', undone: 'rollback' })
        if (key === 'savepoint') {
          return watchScope(method, { open: 'savepoint', done: '', undone: 'rollback to savepoint' })
        }
        if (key === 'reserve') return async () => wrap(await method())
        return value
      },
    })
  }

  return wrap(sql)
}

function isQuery(value: unknown): value is Query {
  return value instanceof Promise && 'handle' in value && 'strings' in value
}

function printable(query: Query, secretKeys: readonly string[]) {
  const text = query.string ?? query.strings.join('?')
  const parameters = query.parameters ?? query.args
  return {
    sql: printableStatement(text, secretKeys),
    params: parameters.length === 0 ? undefined : printableParameters(text, parameters, secretKeys),
  }
}

/** A statement on one line. Literals in it are masked if it names a secret column. */
export function printableStatement(text: string, secretKeys?: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim()
  const masked = mentionsSecret(line, secretKeys) ? line.replace(/'(?:[^']|'')*'/g, `'${MASK}'`) : line
  return masked.length > MAX_STATEMENT ? `${masked.slice(0, MAX_STATEMENT)}…` : masked
}

/** Which parameter belongs to which column is not to be told from the text: one secret column hides them all. */
function printableParameters(
  text: string,
  parameters: readonly unknown[],
  secretKeys: readonly string[],
): string {
  if (mentionsSecret(text, secretKeys)) return MASK
  const some = parameters.slice(0, MAX_PARAMETERS).map((p) => cut(p))
  if (parameters.length > MAX_PARAMETERS) some.push(`… ${parameters.length - MAX_PARAMETERS} more`)
  return summarize(some, secretKeys).replace(/\$argon2[^"\\\s]*/g, MASK)
}

const cut = (value: unknown) =>
  typeof value === 'string' && value.length > MAX_PARAMETER ? `${value.slice(0, MAX_PARAMETER)}…` : value

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
