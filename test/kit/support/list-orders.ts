// Finds the lists of a product, and the orders of theirs that have no index: a page in such an order sorts the whole table.
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { List } from '../../../src/kit/data/list.ts'
import { readList } from '../../../src/kit/data/list-page.ts'
import { NOBODY, type Scope } from '../../../src/kit/data/scope.ts'

/** The lists that the slices below a folder export, by name. */
export async function findLists(folder: string): Promise<Record<string, List>> {
  const found: Record<string, List> = {}
  for (const file of new Bun.Glob('*/**/*.{ts,tsx}').scanSync(folder)) {
    if (file.startsWith('kit/')) continue
    for (const [name, value] of Object.entries((await import(join(folder, file))) as object))
      if (value instanceof List) found[name] = value
  }
  return found
}

/**
 * One message for each order that Postgres, kept from sorting and from reading all, has no index for.
 * @param url of a database with the tables of the lists
 */
export async function ordersWithoutIndex(
  url: string,
  lists: Record<string, List>,
  roles: readonly string[],
): Promise<string[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  const sent: { text: string; values: unknown[] }[] = []
  const db = drizzle({ client, logger: { logQuery: (text, values) => void sent.push({ text, values }) } })
  const seen = new Set<string>()
  const messages: string[] = []
  try {
    for (const settings of ['enable_seqscan', 'enable_sort', 'enable_bitmapscan'])
      await client`select set_config(${settings}, 'off', false)`
    for (const [name, list] of Object.entries(lists)) {
      const given = list.within && {
        [list.within.name]: list.within.column.getSQLType() === 'uuid' ? NOBODY : '1',
      }
      for (const sort of list.orders.keys()) {
        for (const role of [...roles, null]) {
          sent.length = 0
          const scope: Scope = { db, me: NOBODY, role }
          await readList(list, scope, { sort, limit: 1, ...(given && { given }) })
          const { text = '', values = [] } = sent[0] ?? {}
          if (seen.has(text)) continue
          seen.add(text)
          const plan = await client.unsafe<{ 'QUERY PLAN': string }[]>(
            `explain (costs off) ${text}`,
            values as never[],
          )
          const lines = plan.map((line) => line['QUERY PLAN']).join('\n')
          // A rule that shows nothing makes Postgres read nothing.
          if (!/\b(Sort|Filter|Seq Scan)\b/.test(lines) || lines.includes('One-Time Filter: false')) continue
          const clauses = / from (.*) limit /.exec(text)?.[1]
          messages.push(`${name}: sort=${sort} for ${role ?? 'visitors'} has no index for ${clauses}`)
        }
      }
    }
  } finally {
    await client.end()
  }
  return messages
}
