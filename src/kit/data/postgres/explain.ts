// Logs the plan of each statement once, where LOG_SQL=explain: in development, on a connection of its own, never by running it.
import type postgres from 'postgres'
import { MASK, mentionsSecret } from '../../log/redact.ts'
import type { Log } from '../../types/log.ts'
import type { Statement } from '../../types/statement.ts'

const HAS_PLAN = /^\s*(select|insert|update|delete|merge|with)\b/i
/** Texts that are remembered, and statements that may wait for their plan. */
const MAX_TEXTS = 1000
const MAX_WAITING = 20

/** A `QueryObserver`. @param sql its only user is this */
export function createExplainer(sql: postgres.Sql, log: Log, secretKeys: readonly string[]) {
  const explained = new Set<string>()
  let waiting = 0

  async function explain(query: string, { text, parameters = [] }: Statement): Promise<void> {
    waiting++
    try {
      const rows = await sql.unsafe(`explain ${text}`, parameters as never[])
      const lines = rows.map((row) => String(row['QUERY PLAN']))
      // A plan repeats parameters as literals. It does not tell which belongs to which column: one secret column masks them all.
      const isSecret = mentionsSecret(text, secretKeys)
      const plan = isSecret ? lines.map((line) => line.replace(/'(?:[^']|'')*'/g, `'${MASK}'`)) : lines
      log.info('plan', { query, plan: plan.join('\n') })
    } catch (error) {
      log.debug('a statement has no plan', { query, error })
    } finally {
      waiting--
    }
  }
  return {
    onQuery(name: string, _startedAt: number, _ms: number, error: unknown, statement: Statement): void {
      const { text } = statement
      if (error !== undefined || waiting >= MAX_WAITING || !HAS_PLAN.test(text) || explained.has(text)) return
      if (explained.size === MAX_TEXTS) explained.clear()
      explained.add(text)
      void explain(name, statement)
    },
    close: () => sql.end({ timeout: 1 }),
  }
}
