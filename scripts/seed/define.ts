// Seeds: rows that a table is to have, each at most once, however often and at once they are loaded.
import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../../src/kit/types/db.ts'

export interface Seed {
  /** What the rows are, as it is said: `films`. */
  name: string
  /** @returns how many of the rows were not there yet, and how many there are */
  load(db: Db, report: (done: number, total: number) => void): Promise<{ added: number; total: number }>
}

interface Rows<Table extends PgTable> {
  name: string
  table: Table
  /** A row that has these as one of the table has them is the same one: that stays as it is. */
  key: [PgColumn, ...PgColumn[]]
  rows: (db: Db) => Table['$inferInsert'][] | Promise<Table['$inferInsert'][]>
}

/** Rows of one transaction: what is broken off loses no more, and goes on where it was. */
export const BATCH_SIZE = 25

/** The advisory lock that two seeds at once take turns by. */
const LOCK = 7_263_502

export function defineSeed<Table extends PgTable>({ name, table, key, rows: makeRows }: Rows<Table>): Seed {
  const keyFields = Object.entries(getTableColumns(table)).filter(([, column]) => key.includes(column))
  const valueOf = (row: Table['$inferInsert'], field: string) =>
    (row as Record<string, unknown>)[field] ?? null

  const same = (row: Table['$inferInsert']) =>
    and(
      ...keyFields.map(([field, column]) => {
        const value = valueOf(row, field)
        return value === null ? isNull(column) : eq(column, value)
      }),
    )

  const addMissing = (db: Db, batch: Table['$inferInsert'][]) =>
    db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`)
      const there = batch.map((row) => sql`exists (select from ${table} where ${same(row)})`)
      const [found] = await tx.execute<{ there: boolean[] }>(
        sql`select array[${sql.join(there, sql`, `)}] as there`,
      )
      const missing = batch.filter((_, i) => found?.there[i] === false)
      if (missing.length > 0) await tx.insert(table).values(missing)
      return missing.length
    })

  return {
    name,
    async load(db, report) {
      const all = await makeRows(db)
      const rows = [
        ...new Map(
          all.map((row) => [JSON.stringify(keyFields.map(([field]) => valueOf(row, field))), row]),
        ).values(),
      ]
      let added = 0
      for (let done = 0; done < rows.length; done += BATCH_SIZE) {
        const batch = rows.slice(done, done + BATCH_SIZE)
        added += await addMissing(db, batch)
        report(done + batch.length, rows.length)
      }
      return { added, total: rows.length }
    },
  }
}
