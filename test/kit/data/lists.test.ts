// Pages of a declared list: whatever comes and goes meanwhile, whoever follows the cursors sees each other row once.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { and, eq, or, sql } from 'drizzle-orm'
import * as fc from 'fast-check'
import { defineList } from '../../../src/kit/data/list.ts'
import { encodeCursor, invalidCursor, orderBy } from '../../../src/kit/data/list-order.ts'
import { countList, type ListPage, MAX_COUNT, readList } from '../../../src/kit/data/list-page.ts'
import type { Scope } from '../../../src/kit/data/scope.ts'
import { listQuery } from '../../../src/kit/http/list-query.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { boolean, index, integer, numeric, pgTable, serial, text, time } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { publicFields } from '../../../src/kit/data/public-fields.ts'
import { bookList, books, createBooks, publicBook } from '../support/shelf.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await createBooks(app.deps.db)
})
afterAll(() => app.close())

const SORTS = [...bookList.orders.keys()]

const as = (me: string, role: string | null = 'reader'): Scope => ({ db: app.deps.db, me, role })

interface Book {
  title: string
  subtitle: string | null
  stars: number | null
  shelf: number
  added: string
}

/** Few of each kind, so that many are alike. */
const book: fc.Arbitrary<Book> = fc.record({
  title: fc.constantFrom('', 'a', 'A', 'ä', 'a b', '%_\\', '日本', '𝒳', 'é', 'e\u0301', '"\\u0041', 'zzz'),
  subtitle: fc.constantFrom(null, null, '', 'an A', 'ß'),
  stars: fc.constantFrom(null, null, -1, 0, 2 ** 31 - 1),
  shelf: fc.constantFrom(1, 2),
  // Within a millisecond.
  added: fc.nat(5).map((n) => `2026-01-02T03:04:05.00100${n}Z`),
})

const rowOf = ({ added, ...rest }: Book, owner: string) => ({
  ...rest,
  owner,
  added: sql`${added}::timestamptz`,
})

/** What happens between two pages: a row comes, goes or moves. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), book }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(40) }),
  fc.record({ kind: fc.constant('change' as const), at: fc.nat(40), book }),
)

test('by cursor, forwards and backwards, each row that stays as it is is seen once, in its order', async () => {
  const { db } = app.deps
  await fc.assert(
    fc.asyncProperty(
      fc.array(book, { maxLength: 30 }),
      fc.record({
        sort: fc.constantFrom(...SORTS),
        limit: fc.integer({ min: 1, max: 7 }),
        search: fc.constantFrom(undefined, undefined, 'a'),
        shelf: fc.constantFrom(undefined, 1),
        isOwn: fc.boolean(),
      }),
      fc.array(fc.array(event, { maxLength: 3 }), { maxLength: 40 }),
      async (rows, { sort, limit, search, shelf, isOwn }, events) => {
        const owner = crypto.randomUUID()
        for (const row of rows) await db.insert(books).values(rowOf(row, owner))
        const scope = isOwn ? as(owner) : as(crypto.randomUUID(), 'librarian')
        const request = { sort, limit, search, given: { shelf, owner: isOwn ? undefined : owner } }
        const order = orderBy(bookList.orders.get(sort) ?? [])
        /** Those whom the list should have, as Postgres orders them. */
        const listed = async () => {
          const matching = search === undefined ? undefined : sql`(title ilike '%a%' or subtitle ilike '%a%')`
          const where = and(
            eq(books.owner, owner),
            shelf === undefined ? undefined : eq(books.shelf, shelf),
            matching,
          )
          const found = await db
            .select({ id: books.id })
            .from(books)
            .where(where)
            .orderBy(...order)
          return found.map(({ id }) => String(id))
        }
        const touched = new Set<string>()
        const happen = async () => {
          for (const each of events.shift() ?? []) {
            if (each.kind === 'insert') {
              const [added] = await db
                .insert(books)
                .values(rowOf(each.book, owner))
                .returning({ id: books.id })
              touched.add(String(added?.id))
              continue
            }
            const all = await db
              .select({ id: books.id })
              .from(books)
              .where(eq(books.owner, owner))
              .orderBy(books.id)
            const id = all[each.at]?.id
            if (id === undefined) continue
            touched.add(String(id))
            if (each.kind === 'delete') await db.delete(books).where(eq(books.id, id))
            else await db.update(books).set(rowOf(each.book, owner)).where(eq(books.id, id))
          }
        }
        const walk = async (start: object, on: 'next' | 'prev') => {
          touched.clear()
          let before = await listed()
          const seen: string[][] = []
          let at: { cursor?: string; before?: string } | undefined = start
          let last = start
          while (at !== undefined) {
            const page: ListPage<{ id: string }> = await readList(bookList, scope, { ...request, ...at })
            expect(page.rows.length).toBeLessThanOrEqual(limit)
            seen.push(page.rows.map(({ id }) => id))
            // Back from there: what came behind it meanwhile is not on the way.
            if (on === 'prev' && seen.length === 1)
              before = before.slice(0, before.indexOf(seen[0]?.at(-1) ?? '') + 1)
            last = at
            const cursor: string | undefined = page[on]
            at = cursor === undefined ? undefined : on === 'next' ? { cursor } : { before: cursor }
            await happen()
          }
          const all = (on === 'next' ? seen : seen.toReversed()).flat()
          const stayed = (ids: string[]) => ids.filter((id) => !touched.has(id))
          expect(stayed(all)).toEqual(stayed(before))
          return last
        }
        const last = await walk({}, 'next')
        await walk(last, 'prev')
        await db.delete(books).where(eq(books.owner, owner))
      },
    ),
    { numRuns: 150 },
  )
})

const OWNER = crypto.randomUUID()
const A_BOOK: Book = {
  title: 'Emma',
  subtitle: null,
  stars: 3,
  shelf: 1,
  added: '2026-01-02T03:04:05.001000Z',
}

test.each([
  ['of another order', 'title', encodeCursor(['Emma', '7'], 'added', 'id')],
  ['of the own order in another', 'title', encodeCursor(['7'], 'id', 'id')],
  ['of another order in the own', 'id', encodeCursor(['Emma', '7'], 'title', 'id')],
  ['of the other way round', '-title', encodeCursor(['Emma', '7'], 'title', 'id')],
  ['with too few values', 'title', encodeCursor(['Emma'], 'title', 'id')],
  ['with too many values', 'id', encodeCursor(['7', '7'], 'id', 'id')],
  ['with a null where there is none', 'title', encodeCursor([null, '7'], 'title', 'id')],
  ['with a value of another type', 'stars', encodeCursor(['many', '7'], 'stars', 'id')],
  ['with a number out of range', 'stars', encodeCursor([String(2 ** 31), '7'], 'stars', 'id')],
  ['with a day that is none', 'added', encodeCursor(['2026-02-30T00:00:00.000000Z', '7'], 'added', 'id')],
  ['with a text that Postgres cannot store', 'title', encodeCursor(['\0', '7'], 'title', 'id')],
  ['with half a character', 'title', encodeCursor(['\ud835', '7'], 'title', 'id')],
  ['that names a property of objects', 'title', btoa('{"__proto__":["Emma","7"],"constructor":[]}')],
  ['that is null', 'title', btoa('null')],
  ['that is no JSON', 'title', btoa('{')],
  ['that is nothing', 'title', 'é'],
])('a cursor %s is refused', async (_what, sort, cursor) => {
  for (const at of [{ cursor }, { before: cursor }]) {
    const refused = readList(bookList, as(OWNER), { sort, limit: 1, ...at })
    expect(await refused.catch((error) => error)).toMatchObject({ status: 400, code: invalidCursor.code })
  }
})

test('a range begins with its first moment and ends before its last; a filter without an index is a search', async () => {
  const { db } = app.deps
  const owner = crypto.randomUUID()
  for (const n of [0, 1, 2, 3])
    await db
      .insert(books)
      .values(rowOf({ ...A_BOOK, shelf: n % 2, added: `2026-01-0${n + 1}T00:00:00Z` }, owner))
  const days = async (given: object, sort = 'added') => {
    const { rows } = await readList(bookList, as(owner), { sort, limit: 9, given: { ...given } })
    return rows.map(({ added }) => added.getUTCDate())
  }
  const between = { 'added[gte]': '2026-01-02T00:00:00Z', 'added[lt]': '2026-01-04T01:00:00+01:00' }
  expect(await days(between)).toEqual([2, 3])
  expect(await days(between, '-title')).toEqual([3, 2])
  expect(await days({ ...between, shelf: '1' })).toEqual([2])
  expect(await days({ added: '2026-01-03T00:00:00Z' })).toEqual([3])
  expect(await days({ shelf: undefined, owner: crypto.randomUUID() })).toEqual([])
})

test('a rule sees who asks, and nothing that another request of the same role does not bring, too', async () => {
  const owner = crypto.randomUUID()
  const seen: string[][] = []
  const list = defineList(publicBook, {
    visible(scope: Scope) {
      seen.push(Object.keys(scope).toSorted())
      return eq(books.owner, scope.me)
    },
  })
  const scope = { ...as(owner), shelf: 1 }
  await readList(list, scope, { limit: 1 })
  await readList(list, scope, { limit: 1, search: 'a' })
  await countList(list, scope, {})
  expect(seen.length).toBeGreaterThan(2)
  expect(new Set(seen.flat())).toEqual(new Set(['db', 'me', 'role']))
})

test('an order by a flag is followed by cursors, too', async () => {
  const { db } = app.deps
  const flags = pgTable('flags', { id: serial().primaryKey(), raised: boolean() }, (t) => [
    index().on(t.raised, t.id),
  ])
  await db.execute(sql`create table flags (id serial primary key, raised boolean)`)
  for (const raised of [true, null, false, true, false, null, true]) await db.insert(flags).values({ raised })
  const Flag = z.object({ id: z.int(), raised: z.boolean().nullable() })
  const list = defineList(publicFields(flags, Flag, {}), { orders: ['raised'] })
  const idsOf = ({ rows }: ListPage<{ id: number }>) => rows.map(({ id }) => id)
  for (const sort of ['raised', '-raised'] as const) {
    const all = await readList(list, { db }, { sort, limit: 7 })
    const found: number[] = []
    let cursor: string | undefined
    do {
      const page = await readList(list, { db }, { sort, limit: 1, cursor })
      found.push(...idsOf(page))
      cursor = page.next
    } while (cursor !== undefined && found.length < 7)
    expect(found).toEqual(idsOf(all))
  }
})

test('decimal numbers are sorted and found by value, times of day by the clock, a list of texts by one of them', async () => {
  const { db } = app.deps
  const fares = pgTable('fares', {
    id: serial().primaryKey(),
    price: numeric({ precision: 10, scale: 2 }).notNull(),
    leaves: time({ precision: 0 }).notNull(),
    stops: text().array().notNull(),
  })
  await db.execute(
    sql`create table fares (id serial primary key, price numeric(10, 2), leaves time(0), stops text[])`,
  )
  const rows = [
    { price: '12.50', leaves: '09:30', stops: ['a', 'b, c'] },
    { price: '-3.00', leaves: '18:00:00', stops: [] },
    { price: '9', leaves: '09:05', stops: ['c', '"a"'] },
  ]
  await db.insert(fares).values(rows)
  const Fare = z.object({ id: z.int(), price: z.string(), leaves: z.string(), stops: z.array(z.string()) })
  const list = defineList(publicFields(fares, Fare, {}), {
    orders: ['price', 'leaves'],
    filters: ['price', 'leaves', 'stops'],
  })
  const idsOf = async (
    request: { sort?: 'price' | 'leaves'; given?: object; cursor?: string },
    limit = 9,
  ) => {
    const page = await readList(list, { db }, { ...request, given: { ...request.given }, limit })
    return { ids: page.rows.map(({ id }) => id), next: page.next }
  }
  expect((await idsOf({ sort: 'price' })).ids).toEqual([2, 3, 1])
  expect((await idsOf({ sort: 'leaves' })).ids).toEqual([3, 1, 2])
  const { next } = await idsOf({ sort: 'price' }, 1)
  expect((await idsOf({ sort: 'price', cursor: next })).ids).toEqual([3, 1])
  for (const [given, ids] of [
    [{ price: '12.5' }, [1]],
    [{ price: '9.00' }, [3]],
    [{ 'price[gte]': '9', 'price[lt]': '12.5' }, [3]],
    [{ leaves: '18:00' }, [2]],
    [{ 'leaves[lt]': '09:30' }, [3]],
    [{ stops: 'a' }, [1]],
    [{ stops: 'b, c' }, [1]],
    [{ stops: '"a"' }, [3]],
    [{ stops: 'b' }, []],
  ] as const)
    expect([given, (await idsOf({ given })).ids]).toEqual([given, [...ids]])
  const query = listQuery(list)
  for (const refused of [{ price: 'many' }, { leaves: '24:00' }, { 'stops[gte]': 'a' }])
    expect([refused, query.safeParse(refused).success]).toEqual([refused, false])
})

test('a rule with alternatives is no part of an index: what it costs a search may take', async () => {
  for (const rule of [sql`${books.shelf} = 1`, sql`true`]) {
    const visible = ({ me }: Scope) => or(eq(books.owner, me), rule)
    const list = defineList(publicBook, { visible })
    await readList(list, as(crypto.randomUUID()), { limit: 1 })
    expect(list.statements(app.deps.db).size).toBe(0)
  }
})

test('a count goes by scope, filters and search, and no further than 10,000', async () => {
  const { db } = app.deps
  const [owner, other] = [crypto.randomUUID(), crypto.randomUUID()]
  for (const shelf of [1, 2, 2]) await db.insert(books).values(rowOf({ ...A_BOOK, shelf }, owner))
  const count = (request = {}, scope = as(owner)) => countList(bookList, scope, request)
  expect(await count()).toBe(3)
  expect(await count({ given: { shelf: '2' } })).toBe(2)
  expect(await count({ search: 'mm' })).toBe(3)
  expect(await count({ search: 'nowhere' })).toBe(0)
  expect(await count({}, as(other))).toBe(0)
  expect(await count({ given: { owner } }, as(other))).toBe(0)
  expect(await count({ given: { owner } }, as(other, 'librarian'))).toBe(3)
  await db.execute(sql`insert into shelved_books (title, shelf, added, owner)
    select 'x', 1, now(), ${other} from generate_series(1, ${MAX_COUNT + 50})`)
  expect(await count({}, as(other))).toBe(MAX_COUNT + 1)
})

test('no list sorts, filters or searches by a column that its answers lack: it does not compile, nor start', () => {
  const define = (options: object) => () => defineList(publicBook, options)
  // @ts-expect-error -- it is no public field
  expect(() => defineList(publicBook, { orders: ['secret'] })).toThrow(
    'The list of shelved_books: secret is no column',
  )
  // @ts-expect-error -- nor backwards
  expect(() => defineList(publicBook, { orders: ['-secret'] })).toThrow('secret is no column')
  // @ts-expect-error -- nor as a filter
  expect(() => defineList(publicBook, { filters: ['secret'] })).toThrow('secret is no column')
  // @ts-expect-error -- nor in a search
  expect(() => defineList(publicBook, { search: ['secret'] })).toThrow('secret is no column')
  expect(define({ orders: ['title,secret'] })).toThrow('secret is no column')
  expect(define({ search: [sql`${books.title} || ${books.secret}`] })).toThrow('secret is no public field')
  expect(define({ search: [sql`lower(${sql`${books.secret}`})`] })).toThrow('secret is no public field')
  expect(define({ within: 'secret' })).toThrow('secret is no column')
  expect(define({ orders: ['toString'] })).toThrow('toString is no column')
  const Shown = z.object({ id: z.int(), secret: z.string(), first: z.string() })
  const masked = publicFields(books, Shown, {
    secret: sql<string>`'*' || ${books.secret}`.as('secret'),
    first: sql<string>`left(${books.secret}, 1)`.as('first'),
  })
  for (const name of ['secret', 'first'] as const)
    expect(() => defineList(masked, { orders: [name] })).toThrow(`${name} is no column`)
})

test('a list that cannot work does not start', () => {
  const odd = pgTable('odd', {
    id: integer().primaryKey(),
    page: integer(),
    tags: text().array(),
    parent: integer(),
  })
  const fields = publicFields(odd, z.object({ id: z.int(), page: z.int(), tags: z.array(z.string()) }), {})
  expect(() => defineList(fields, { filters: ['page'] })).toThrow('page is a word of the query itself')
  expect(() => defineList(fields, { within: 'page' })).toThrow('page is a word of the query itself')
  expect(() => defineList(fields, { orders: ['tags'] })).toThrow('tags is text[]: lists cannot compare that')
  const keyless = publicFields(odd, z.object({ page: z.int() }), {})
  expect(() => defineList(keyless, {})).toThrow('The list of odd: id is not its key and a public field')
})
