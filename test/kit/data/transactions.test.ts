// Transactions: each holds its place, commits whole or not at all, and leaves nothing behind when its backend is killed.
import { describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { loadConfig } from '../product/product.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { type Lane, inLane } from '../../../src/kit/data/lanes.ts'
import { driverCode } from '../../../src/kit/data/transient.ts'
import { withConnection } from '../../../scripts/connection.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'
import { codeOf, openLanes, PLACES, run } from '../support/lanes.ts'

const { countOf, database, db, lockedOutside, opened, running } = await openLanes()

/** How the end of a connection shows: it depends on which of its last packets arrives. */
const KILLED = /^(CONNECTION_CLOSED|57P01|ECONNRESET)$/

describe('transactions', () => {
  test('hold their place, commit, roll back, and keep savepoints: two hundred at once', async () => {
    await run(db, sql`truncate counted`)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) =>
        db.transaction(async (tx) => {
          await tx.execute(sql`insert into counted values (${n})`)
          await tx.transaction(async (inner) => inner.execute(sql`insert into counted values (${-n})`))
          await tx
            .transaction(async (inner) => {
              await inner.execute(sql`insert into counted values (99999)`)
              await inner.execute(sql`select 1/0`)
            })
            .catch(() => {})
          if (n % 4 === 0) throw new Error('no')
        }),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(150)
    const rows = await run(db, sql`select n from counted`)
    expect(rows).toHaveLength(300)
    expect(rows.some(({ n }) => n === 99999 || Number(n) % 4 === 0)).toBe(false)
  })

  test('keep what their settings say', async () => {
    const level = await db.transaction(
      async (tx) => (await tx.execute(sql`show transaction_isolation`))[0]?.transaction_isolation,
      { isolationLevel: 'serializable', accessMode: 'read only' },
    )
    expect(level).toBe('serializable')
  })

  test('do not commit when one of their statements failed, even if the error was caught or not waited for', async () => {
    await run(db, sql`truncate counted`)
    const caught = db.transaction(async (tx) => {
      await tx.execute(sql`insert into counted values (1)`)
      await run(tx, sql`select 1/0`).catch(() => {})
    })
    expect(await codeOf(caught)).toBe('22012')
    const unwatched = db.transaction(async (tx) => {
      await tx.execute(sql`insert into counted values (1)`)
      run(tx, sql`select 1/0`).catch(() => {})
    })
    expect(await codeOf(unwatched)).not.toBe('none')
    expect(await countOf()).toBe(0)
  })

  const lanes: (Lane | undefined)[] = [undefined, 'accounts', 'fast', 'search']
  test.each(lanes)('the database itself is refused inside a transaction: lane %p', async (lane) => {
    const inside = db.transaction(async () => run(inLane(db, lane), sql`select 1`))
    expect(String(await inside.catch((error: unknown) => (error as Error).cause ?? error))).toContain('tx')
  })

  test('what was begun inside one may use the database when it is over', async () => {
    let later: Promise<unknown> | undefined
    const over = Promise.withResolvers<void>()
    await db.transaction(async (tx) => {
      await tx.execute(sql`select 1`)
      later = over.promise.then(() => run(db, sql`select 2 as two`))
    })
    over.resolve()
    expect(await later).toMatchObject([{ two: 2 }])
  })

  test('whose backend is killed are rejected, at once even if they wait for something else', async () => {
    const idle = db.transaction(async (tx) => {
      const [row] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
      await opened.readiness.sql`select pg_terminate_backend(${row?.pid ?? 0})`
      await new Promise(() => {})
    })
    expect(await codeOf(idle)).toMatch(KILLED)
    const busy = db.transaction(async (tx) => {
      const [row] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
      await opened.readiness.sql`select pg_terminate_backend(${row?.pid ?? 0})`
      await tx.execute(sql`insert into counted values (7)`)
    })
    expect(await codeOf(busy)).toMatch(KILLED)
  })

  test('whose backend is killed leave nothing behind of statements that were given at once', async () => {
    await run(db, sql`truncate counted`)
    const release = await lockedOutside('lock table lockable')
    const codes = await db
      .transaction(async (tx) => {
        const [row] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
        const statements = [
          codeOf(run(tx, sql`update lockable set title = ${'lost'}`)),
          codeOf(run(tx, sql`insert into counted values (${1})`)),
          codeOf(run(tx, sql`insert into counted values (${2})`)),
        ]
        await until('the lock to be waited for', async () => (await running('update lockable')) === 1)
        await opened.readiness.sql`select pg_terminate_backend(${row?.pid ?? 0})`
        return { statements }
      })
      .catch((error: unknown) => driverCode(error))
    await release()
    expect(codes).toMatch(KILLED)
    // What the driver would carry over to a new connection, it sends at once.
    await Promise.all(Array.from({ length: PLACES }, () => run(db, sql`select pg_sleep(0.2)`)))
    expect(await countOf()).toBe(0)
  })

  test('take no statement when they are over, nor past a savepoint that is open', async () => {
    await run(db, sql`truncate counted`)
    const insert = (tx: Db) => codeOf(run(tx, sql`insert into counted values (1)`))
    let ended: Db | undefined
    await db
      .transaction(async (tx) => {
        ended = tx
        throw new Error('no')
      })
      .catch(() => {})
    if (ended) expect(await insert(ended)).not.toBe('none')
    await db.transaction(async (tx) => {
      let over: Db | undefined
      await tx.transaction(async (inner) => {
        over = inner
        expect(await insert(tx)).not.toBe('none')
        expect(await codeOf(tx.transaction(async () => {}))).not.toBe('none')
        expect(await insert(inner)).toBe('none')
      })
      if (over) expect(await insert(over)).not.toBe('none')
      expect(await insert(tx)).toBe('none')
    })
    expect(await countOf()).toBe(2)
  })

  test('under kills all settle, none is half done, and the places serve on', async () => {
    await run(db, sql`truncate counted`)
    let over = false
    let kills = 0
    const killer = withConnection(database.url, async (admin) => {
      while (!over) {
        const rows = await admin`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = ${loadConfig({ DATABASE_URL: database.url, REDIS_URL: redisUrl() }).name}
            and pid <> pg_backend_pid() and state <> 'idle' limit 1`
        kills += rows.length
        await Bun.sleep(5)
      }
    })
    const codes = await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        const seen: string[] = []
        for (let i = 0; i < 40; i++) {
          const n = lane * 1_000_000 + i
          const work = db.transaction(async (tx) => {
            await tx.execute(sql`insert into counted values (${n})`)
            await Bun.sleep(i % 3)
            await tx.execute(sql`insert into counted values (${n})`)
          })
          seen.push(await codeOf(work))
        }
        return seen
      }),
    )
    over = true
    await killer
    expect(new Set(codes.flat()).has('none')).toBe(true)
    const halves = await run(db, sql`select n from counted group by n having count(*) <> 2`)
    expect(halves).toHaveLength(0)
    expect(await Promise.all(Array.from({ length: 20 }, () => codeOf(run(db, sql`select 1`))))).toEqual(
      Array(20).fill('none'),
    )
  })
})
