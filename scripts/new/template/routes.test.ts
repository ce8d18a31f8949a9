// Toy cars, as their clients use them.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { startApp, type TestApp } from './support/harness.ts'
import { toyCars } from './table.ts'
// if src/account/export.ts
import { until } from '../../../test/kit/support/until.ts'
import { startTestWorker } from './support/worker.ts'
// end

let app: TestApp
let editor: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  editor = await app.member()
})
afterAll(() => app.close())
beforeEach(async () => {
  await app.deps.db.delete(toyCars)
})

const NEW_TOY_CAR = {
  $string: 'some $string',
  $text: 'some $text',
  $int: 7,
  $number: 1.5,
  $bool: true,
  $date: '2026-01-31',
  $timestamp: '2026-01-31T12:00:00.000Z',
  $uuid: '7e0b1c52-1d3c-4c5f-9a58-3f1d2f0e6a01',
  $enum: 'first',
  $optional: 'some $optional',
}

// if unique
let made = 100 // far from the numbers above
/** What no two toy cars have in common. */
function unlike() {
  made++
  return {
    $string: `$string ${made}`,
    $int: made,
    $number: made + 0.5,
    $date: new Date(made * 86_400_000).toISOString().slice(0, 10),
    $timestamp: new Date(made).toISOString(),
    $uuid: `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`,
  }
}
// end

async function add(input = {}) {
  const row = {
    ...NEW_TOY_CAR,
    // if unique
    ...unlike(),
    // end
    ...input,
  }
  return (await editor.post('/api/toy-cars', row)).body
}

test('a toy car is created, belongs to its creator, and can be read by anyone', async () => {
  const { status, body } = await editor.post('/api/toy-cars', NEW_TOY_CAR)
  expect(status).toBe(201)
  expect(body).toEqual({
    id: expect.stringMatching(/^\d+$/),
    ...NEW_TOY_CAR,
    creator: editor.user.id,
    created: expect.stringMatching(/Z$/),
    modified: expect.stringMatching(/Z$/),
  })
  expect((await app.visitor().get(`/api/toy-cars/${body.id}`)).body).toEqual(body)
})

// if optional
test('what is optional of a toy car may be left out, and be null', async () => {
  const nulls = {
    $optional: null,
  }
  const required = Object.entries(NEW_TOY_CAR).filter(([column]) => !Object.hasOwn(nulls, column))
  const { status, body } = await editor.post('/api/toy-cars', Object.fromEntries(required))
  expect([status, body]).toEqual([201, { ...body, ...nulls }])
  const filled = await editor.put(`/api/toy-cars/${body.id}`, NEW_TOY_CAR)
  expect([filled.status, filled.body]).toEqual([
    200,
    { ...body, ...NEW_TOY_CAR, modified: filled.body.modified },
  ])
  const emptied = await editor.put(`/api/toy-cars/${body.id}`, nulls)
  expect([emptied.status, emptied.body]).toEqual([
    200,
    { ...filled.body, ...nulls, modified: emptied.body.modified },
  ])
})
// end

test.each([
  { $string: 'another $string' },
  { $text: 'another $text' },
  { $int: 8 },
  { $number: 2.25 },
  { $bool: false },
  { $date: '2026-02-28' },
  { $timestamp: '2026-02-28T00:00:00.000Z' },
  { $uuid: '0d9f0b5a-52a7-4a52-8a3c-6c1c0a3b7e02' },
  { $enum: 'second' },
])('a partial body changes only what it names: %p', async (only) => {
  const toyCar = await add()
  const { status, body } = await editor.put(`/api/toy-cars/${toyCar.id}`, only)
  expect([status, body]).toEqual([200, { ...toyCar, ...only, modified: body.modified }])
})

test('a body that names nothing changes nothing', async () => {
  const toyCar = await add()
  const { status, body } = await editor.put(`/api/toy-cars/${toyCar.id}`, { unknown: 1 })
  expect([status, body]).toEqual([200, toyCar])
})

test.each([
  { $string: '' },
  { $text: 5 },
  { $int: 1.5 },
  { $number: 'many' },
  { $bool: 'yes' },
  { $date: '2026-02-30' },
  { $timestamp: 'yesterday' },
  { $uuid: '7e0b1c52' },
  { $enum: 'none of these' },
  // if required
  { $string: null },
  // end
])('bad input is refused: %p', async (input) => {
  const toyCar = await add()
  for (const refused of [
    await editor.post('/api/toy-cars', { ...NEW_TOY_CAR, ...input }),
    await editor.put(`/api/toy-cars/${toyCar.id}`, input),
  ]) {
    expect([refused.status, refused.body.issues[0].path]).toEqual([400, Object.keys(input)[0]])
  }
  expect((await editor.get('/api/toy-cars')).body).toEqual([toyCar])
})

// if unique
test.each(Object.keys(unlike()))('two toy cars cannot have the same %s', async (column) => {
  const toyCar = await add()
  const other = await add()
  const same = { [column]: toyCar[column] }
  for (const refused of [
    await editor.post('/api/toy-cars', { ...other, ...unlike(), ...same }),
    await editor.put(`/api/toy-cars/${other.id}`, same),
  ]) {
    expect([refused.status, refused.body.issues]).toEqual([
      409,
      [{ path: column, message: 'exists already' }],
    ])
  }
  expect((await editor.get(`/api/toy-cars/${other.id}`)).body).toEqual(other)
})
// end

test('the list is in order of id, by pages that count from 1', async () => {
  const all = [await add(), await add(), await add()]
  expect((await app.visitor().get('/api/toy-cars')).body).toEqual(all)
  const first = await app.visitor().get('/api/toy-cars?limit=2')
  expect(first.body).toEqual(all.slice(0, 2))
  const [, next, cursor] = /^<(.*&cursor=(.*))>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? []
  for (const query of ['?page=2&limit=2', next, `?cursor=${cursor}`]) {
    expect([query, (await app.visitor().get(`/api/toy-cars${query}`)).body]).toEqual([query, all.slice(2)])
  }
  for (const query of ['limit=0', 'limit=201', 'page=2001', 'cursor=none']) {
    expect([query, (await app.visitor().get(`/api/toy-cars?${query}`)).status]).toEqual([query, 400])
  }
})

// if searched
test.each([
  { $string: '100% Ångström (1868)' },
  { $text: '100% Ångström (1868)' },
  { $optional: '100% Ångström (1868)' },
])('a search finds part of a text, in any case: %p', async (input) => {
  await add()
  const toyCar = await add(input)
  for (const search of ['ångs', '100%', 'M']) {
    const { body } = await app.visitor().get(`/api/toy-cars?search=${encodeURIComponent(search)}`)
    expect([search, body.at(-1)]).toEqual([search, toyCar])
  }
  expect((await app.visitor().get('/api/toy-cars?search=0%25')).body).toEqual([toyCar])
})
// end

test('the list can be narrowed to a creator', async () => {
  const toyCar = await add()
  expect((await app.visitor().get(`/api/toy-cars?creator=${editor.user.id}`)).body).toEqual([toyCar])
  expect((await app.visitor().get(`/api/toy-cars?creator=${crypto.randomUUID()}`)).body).toEqual([])
})

// if src/account/export.ts
test("an account's export holds the toy cars that it added, and nobody else's", async () => {
  const own = [await add(), await add()]
  const other = await app.member()
  expect((await other.post('/api/toy-cars', NEW_TOY_CAR)).status).toBe(201)
  const helper = await startTestWorker(app)
  try {
    const { headers } = await editor.post('/api/me/export')
    const { result } = await until('the export', async () => {
      const { body } = await editor.get(headers.get('location') ?? '')
      return body.state === 'done' ? body : undefined
    })
    expect(result.toyCars).toEqual(own)
  } finally {
    await helper.stop()
  }
})
// end

test('a deletion returns the toy car that was, and then it is not found', async () => {
  const toyCar = await add()
  const { status, body } = await editor.delete(`/api/toy-cars/${toyCar.id}`)
  expect([status, body]).toEqual([200, toyCar])
  for (const id of [toyCar.id, 'none', '0']) {
    expect((await editor.get(`/api/toy-cars/${id}`)).status).toBe(404)
    expect((await editor.put(`/api/toy-cars/${id}`, NEW_TOY_CAR)).status).toBe(404)
    expect((await editor.delete(`/api/toy-cars/${id}`)).status).toBe(404)
  }
})

test('writing takes an editor, reading takes nobody', async () => {
  const toyCar = await add()
  for (const anyone of [app.visitor(), await app.member('readonly')]) {
    expect((await anyone.get(`/api/toy-cars/${toyCar.id}`)).status).toBe(200)
    expect((await anyone.post('/api/toy-cars', NEW_TOY_CAR)).status).toBe(401)
    expect((await anyone.put(`/api/toy-cars/${toyCar.id}`, NEW_TOY_CAR)).status).toBe(401)
    expect((await anyone.delete(`/api/toy-cars/${toyCar.id}`)).status).toBe(401)
  }
  expect((await editor.get('/api/toy-cars')).body).toEqual([toyCar])
})
