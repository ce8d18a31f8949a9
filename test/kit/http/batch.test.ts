// Many rows by one request: all or none, and the first that is refused is named.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { inArray, sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { batchBody, batchResponse, MAX_BATCH, runBatch } from '../../../src/kit/http/batch.ts'
import { alreadyExists, foreignKeyViolation } from '../../../src/kit/http/sql-refusals.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { factory, idempotent, requireRole } from '../product/product.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const tins = pgTable('tins', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  label: text().notNull(),
})

const Tin = z.object({ id: z.int(), label: z.string() })
const NewTin = z.object({ label: z.string() })

/** How many rows each statement was for. */
const sent: number[] = []

async function create(db: Db, items: z.output<typeof NewTin>[]) {
  sent.push(items.length)
  if (items.some(({ label }) => label === 'of nobody'))
    throw foreignKeyViolation({ issues: [{ path: 'label', message: 'refers to nothing' }] })
  return db.insert(tins).values(items).returning()
}

const drop = (db: Db, ids: number[]) => db.delete(tins).where(inArray(tins.id, ids)).returning()

const routes = factory.createApp().patch(
  '/',
  doc('Changes tins.', batchResponse(Tin), {
    otherStatuses: [404],
    errors: [alreadyExists, foreignKeyViolation],
  }),
  requireRole('writer'),
  validate('json', batchBody(NewTin)),
  idempotent(),
  async (c) =>
    c.var.respond(await runBatch(c.var.db, c.req.valid('json'), { of: NewTin, create, delete: drop })),
)

let app: TestApp
let writer: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  app.app.route('/club/tins', routes)
  await app.deps.db.execute(sql`
    create table tins (id int primary key generated always as identity, label text not null unique);
    create table lids (tin int references tins on delete restrict)`)
  writer = await app.member('writer')
})
afterAll(() => app.close())
beforeEach(async () => {
  await app.deps.db.execute(sql`truncate tins, lids restart identity`)
  await app.deps.db.insert(tins).values([{ label: 'tea' }, { label: 'rice' }, { label: 'salt' }])
  sent.length = 0
})

const change = (body: object, headers = {}) => writer.patch('/club/tins', body, headers)
const labels = async () => (await app.deps.db.select().from(tins).orderBy(tins.id)).map(({ label }) => label)
const named = (...all: string[]) => all.map((label) => ({ label }))

test('what is deleted leaves room for what is created, and all of it is answered in the order of the body', async () => {
  const { status, body } = await change({ create: named('z', 'tea', 'a'), delete: ['3', '1', '3'] })
  expect([status, body]).toEqual([
    200,
    {
      created: [
        { id: 4, label: 'z' },
        { id: 5, label: 'tea' },
        { id: 6, label: 'a' },
      ],
      deleted: [
        { id: 3, label: 'salt' },
        { id: 1, label: 'tea' },
      ],
    },
  ])
  expect(await labels()).toEqual(['rice', 'z', 'tea', 'a'])
  expect(sent).toEqual([3])
})

test.each([
  ['what exists', { create: named('new', 'rice'), delete: ['1'] }, 409, 'create.1.label', 'exists already'],
  ['one like another', { create: named('new', 'other', 'new') }, 409, 'create.2.label', 'exists already'],
  ['what creating refuses', { create: named('of nobody') }, 409, 'create.0.label', 'refers to nothing'],
  ['what is not there', { create: named('new'), delete: ['1', '4'] }, 404, 'delete.1', 'is not there'],
  [
    'what is referred to',
    { create: named('new'), delete: ['1', '2'] },
    409,
    'delete.1',
    'It is still referred to',
  ],
])(
  '%s is named, and nothing is done, with an Idempotency-Key too',
  async (_what, body, status, path, message) => {
    await app.deps.db.execute(sql`insert into lids values (2)`)
    for (const headers of [{}, { 'Idempotency-Key': crypto.randomUUID() }]) {
      const refused = await change(body, headers)
      expect([refused.status, refused.body.issues]).toEqual([status, [{ path, message }]])
      expect(refused.body.err).toBe(`${status}: ${path}: ${message}`)
    }
    expect(await labels()).toEqual(['tea', 'rice', 'salt'])
  },
)

test('to find the one that is refused takes some statements more, and an obstacle that is gone by then is none', async () => {
  const labels = Array.from({ length: MAX_BATCH }, (_, i) => `new ${i}`)
  const refused = await change({ create: named(...labels.with(70, 'rice')) })
  expect(refused.body.issues).toEqual([{ path: 'create.70.label', message: 'exists already' }])
  expect(sent.length).toBeLessThan(20)

  const isFirst = () => sent.length === 0
  sent.length = 0
  const { created } = await runBatch(
    app.deps.db,
    { create: named('x', 'y', 'z') },
    {
      of: NewTin,
      delete: drop,
      create: (db, items) => create(db, isFirst() ? named('of nobody') : items),
    },
  )
  expect(created.map(({ label }) => label)).toEqual(['x', 'y', 'z'])
})

test.each([
  [{}, '', 'names nothing to create or to delete'],
  [{ create: [], delete: [] }, '', 'names nothing to create or to delete'],
  [{ create: {} }, 'create', 'must be a list'],
  [{ create: [{ label: 'x' }, { label: 1 }] }, 'create.1.label', 'must be a text'],
  [{ delete: ['1', 'one'] }, 'delete.1', 'must be an id: "7"'],
  [{ delete: [1] }, 'delete.0', 'must be a text'],
  [{ create: named(...'x'.repeat(MAX_BATCH + 1)) }, 'create', `must have at most ${MAX_BATCH} elements`],
])('the body %j is refused', async (body, path, message) => {
  const refused = await change(body)
  expect([refused.status, refused.body.issues]).toEqual([400, [{ path, message }]])
})

test('of a list that is too long no element is looked at', async () => {
  let looked = 0
  const Counted = NewTin.refine(() => ++looked > 0)
  const { error } = batchBody(Counted).safeParse({ create: named(...'x'.repeat(10_000)) })
  expect([error?.issues.map(({ code }) => code), looked]).toEqual([['too_big'], 0])
})
