// What Postgres does for a query: the rows that it reads, and the plans of a connection's prepared statements.
import { expect } from 'bun:test'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Db } from '../../../src/kit/types/db.ts'
import { createDatabase } from './services.ts'

export type Observed = Awaited<ReturnType<typeof openObserved>>

/** A database on one connection: what that has prepared is what the next query gets. */
export async function openObserved() {
  const database = await createDatabase()
  const client = postgres(database.url, { max: 1, onnotice: () => {} })
  const db: Db = drizzle({ client })

  /** Rows that Postgres reads in tables, by indexes or not, while `work` runs in a transaction. */
  async function rowsRead(work: (db: Db) => Promise<unknown[]>) {
    return db.transaction(async (tx) => {
      // A process beside it would count apart.
      await tx.execute(sql`set local max_parallel_workers_per_gather = 0`)
      const count = async () => {
        const [row] = await tx.execute<{ rows: string }>(sql`
          select sum(seq_tup_read + idx_tup_fetch) as rows from pg_stat_xact_user_tables`)
        return Number(row?.rows)
      }
      const before = await count()
      const found = await work(tx)
      return { found: found.length, read: (await count()) - before }
    })
  }

  return {
    client,
    db,
    rowsRead,

    /** That a page reads its own rows; planning may look at an end of an index, too. */
    async expectPage(size: number, work: (db: Db) => Promise<unknown[]>): Promise<void> {
      const { found, read } = await rowsRead(work)
      expect(found).toBe(size)
      expect(read).toBeLessThan(2 * size)
    },

    /** Blocks of tables and indexes that the last query of `work` reads: also those of entries that it skips. */
    async blocksRead(work: (db: Db) => Promise<unknown>): Promise<number> {
      let sent = { text: '', values: [] as unknown[] }
      const logger = { logQuery: (text: string, values: unknown[]) => void (sent = { text, values }) }
      await work(drizzle({ client, logger }))
      const [row] = await client.unsafe(
        `explain (analyze, buffers, format json) ${sent.text}`,
        sent.values as never[],
      )
      const plan = row?.['QUERY PLAN'][0].Plan
      return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
    },

    /**
     * Fills tables by statistics of a time when each had one row in many pages: what Postgres believes until it analyzes them again.
     * @param fill leaves out what is there
     */
    async fillUnnoticed(tables: string[], fill: () => Promise<unknown>): Promise<void> {
      await fill()
      for (const table of tables.toReversed())
        await client.unsafe(`delete from ${table} where ctid <> (select max(ctid) from ${table})`)
      for (const table of tables) await client.unsafe(`vacuum analyze ${table}`)
      await fill()
    },

    /** The plan that the prepared statement whose text is `like` this has for these parameters, as Postgres words it. */
    async planOf(like: string, parameters: (string | number)[]): Promise<string> {
      const [statement] = await client<{ name: string }[]>`
        select name from pg_prepared_statements
        where statement like ${like} and statement not like '%pg_prepared_statements%'`
      const literals = parameters.map((value) => (typeof value === 'number' ? value : `'${value}'`))
      const rows = await client.unsafe<{ 'QUERY PLAN': string }[]>(
        `explain (costs off) execute "${statement?.name}" (${literals.join(', ')})`,
      )
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    },

    async close(): Promise<void> {
      await client.end()
      await database.drop()
    },
  }
}
