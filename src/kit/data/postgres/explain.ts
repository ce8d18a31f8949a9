// Logs the plan of each statement once, where LOG_SQL=explain: in development, on a connection of its own, never by running it.
import { MASK, mentionsSecret } from '../../log/redact.ts'
import type { Log } from '../../types/log.ts'
import type { Statement } from '../../types/statement.ts'
import type { PrimaryConnection } from './primary-connection.ts'

const HAS_PLAN = /^\s*(select|insert|update|delete|merge|with)\b/i
/** Texts that are remembered, and statements that may wait for their plan. */
const MAX_TEXTS = 1000
const MAX_WAITING = 20
/** A longer statement is not planned: an insert of thousands of rows would be remembered whole. */
const MAX_TEXT = 10_000

/** A `QueryObserver`. @param primary its only user is this */
export function createExplainer(primary: PrimaryConnection, log: Log, secretKeys: readonly string[]) {
  const explained = new Set<string>()
  let waiting = 0

  async function explain(query: string, { text, parameters = [] }: Statement): Promise<void> {
    waiting++
    try {
      const sql = await primary.get()
      // By the extended protocol, which takes one statement: by the simple one what stands behind a semicolon would run again.
      const rows = await sql.unsafe(`explain ${text}`, parameters as never[], { simple: false } as object)
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
      if (
        error !== undefined ||
        waiting >= MAX_WAITING ||
        text.length > MAX_TEXT ||
        !HAS_PLAN.test(text) ||
        explained.has(text)
      )
        return
      if (explained.size === MAX_TEXTS) explained.clear()
      explained.add(text)
      void explain(name, statement)
    },
    close: () => primary.close(),
  }
}
