// A database with a table to count in and one to lock, opened with four places and all lanes.
import { afterAll } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import { loadConfig } from '../product/product.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { openPostgres } from '../../../src/kit/data/postgres.ts'
import { prepared } from '../../../src/kit/data/prepared.ts'
import { driverCode } from '../../../src/kit/data/transient.ts'
import { withConnection } from '../../../scripts/connection.ts'
import { silent } from './log.ts'
import { createDatabase, PATIENT, redisUrl } from './services.ts'

export async function openLanes() {
  const database = await createDatabase('kit')
  const open = (env: Record<string, string> = {}) =>
    openPostgres(
      loadConfig({
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl(),
        DATABASE_POOL: String(PLACES),
        ...PATIENT,
        ...env,
      }),
      silent,
    )
  const opened = open()
  const { db } = opened
  afterAll(async () => {
    await opened.close()
    await database.drop()
  })
  await db.execute(sql`create table counted (n int)`)
  await db.execute(sql`create table lockable (id serial primary key, title text not null)`)
  await db.execute(sql`insert into lockable (title) values ('Heat')`)

  return {
    database,
    opened,
    db,
    open,
    countOf: async () => Number((await run(db, sql`select count(*)::int as n from counted`))[0]?.n),
    /** How many statements with that text run now. */
    async running(text: string) {
      const [row] = await opened.readiness.sql`
        select count(*)::int as n from pg_stat_activity
        where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and query like ${`%${text}%`}`
      return Number(row?.n)
    },
    /** Holds a lock from outside until the returned function is called. */
    async lockedOutside(statement: string) {
      const released = Promise.withResolvers<void>()
      const locked = Promise.withResolvers<void>()
      const done = withConnection(database.url, (admin) =>
        admin.begin(async (tx) => {
          await tx.unsafe(statement)
          locked.resolve()
          await released.promise
        }),
      )
      await locked.promise
      return async () => {
        released.resolve()
        await done
      }
    },
  }
}

/** A table that is locked from outside, and a read by key. */
const lockable = pgTable('lockable', { id: serial().primaryKey(), title: text().notNull() })

const byId = prepared(
  (db) =>
    db
      .select()
      .from(lockable)
      .where(eq(lockable.id, sql.placeholder('id')))
      .prepare('lockable_by_id'),
  'fast',
)

export const findRow = async (handle: Db, id: number) => (await byId(handle).execute({ id }))[0]

export const PLACES = 4

export const codeOf = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    () => 'none',
    (error: unknown) => driverCode(error) ?? String(error),
  )

export const run = async (handle: Db, statement: ReturnType<typeof sql>) => await handle.execute(statement)
