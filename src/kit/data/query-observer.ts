// Tells observers of every statement that Postgres has answered: the one place for the log, metrics and traces of queries.
import type { Statement } from '../types/statement.ts'

export interface QueryObserver {
  /**
   * Called when a statement has succeeded or failed, in the asynchronous context of whoever sent it. What it throws is ignored.
   * @param name stable, and free of data: that of a prepared query, or else operation and table, `update users`
   * @param startedAt when it was sent, by `performance.now()`: the wait for a place in its lane is not in it
   * @param ms from then to the answer; behind others on a shared connection their time counts too
   * @param statement holds parameters: for a log that masks them, and nothing else
   */
  onQuery(name: string, startedAt: number, ms: number, error: unknown, statement: Statement): void
}

interface Watch {
  observers: readonly QueryObserver[]
  replica?: string | undefined
}

/** Tells the observers of a statement that has ended now. */
export function tell(
  { observers, replica }: Watch,
  statement: Statement,
  startedAt: number,
  error: unknown,
): void {
  if (observers.length === 0) return
  const [name, ms] = [queryName(statement.text), performance.now() - startedAt]
  const told = replica === undefined ? statement : { ...statement, replica }
  for (const observer of observers) {
    try {
      observer.onQuery(name, startedAt, ms, error, told)
    } catch {
      // A fault of who watches is none of the query.
    }
  }
}

/** Names by text. Those of prepared queries are as many as the code has; the derived ones are bounded. */
const prepared = new Map<string, string>()
const derived = new Map<string, string>()
const MAX_DERIVED = 1000
/** A text that is longer, as of an insert of thousands of rows, is named by its beginning, and is not kept. */
const MAX_TEXT = 10_000

/** A prepared query's name, or else operation and table: `select users`. */
export function queryName(text: string): string {
  const known = prepared.get(text) ?? derived.get(text)
  if (known !== undefined) return known
  if (text.length > MAX_TEXT) return derive(text.slice(0, MAX_TEXT))
  if (derived.size === MAX_DERIVED) derived.clear()
  const name = derive(text)
  derived.set(text, name)
  return name
}

const OPERATION =
  /^\W*(select|insert|update|delete|merge|with|begin|commit|rollback|savepoint|set|lock|copy|create|alter|drop|truncate|refresh|vacuum|analyze|explain)\b/i
const TABLE = /\b(?:from|into|update|table)\s+(?:only\s+)?(?:"?\w{1,63}"?\.)?"?(\w{1,63})"?/i

/** From the text without its literals: what stands in them is data. */
function derive(text: string): string {
  const operation = OPERATION.exec(text)?.[1]?.toLowerCase() ?? 'statement'
  const table = TABLE.exec(text.replace(/'(?:[^']|'')*'/g, "''"))?.[1]
  return table === undefined ? operation : `${operation} ${table}`
}

/** Drizzle passes on only that a query has a name. */
export const keepName = (text: string, name: string): void => void prepared.set(text, name)
