// Toy cars, as their clients use them.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { roles } from '../../../src/account/roles.ts'
import { users } from '../../../src/account/table.ts'
import { deleteOver } from '../../../src/kit/data/soft-delete.ts'
import { MAX_BATCH } from '../../../src/kit/http/batch.ts'
// if referring
import { newToyCar as makeToyCar } from './factories.ts'
// else
//| import { newToyCar } from './factories.ts'
// end
import { startApp, type TestApp } from './support/harness.ts'
import { deletedToyCars, toyCars } from './table.ts'
// if under
import { newToyBox } from './support/toy-boxes/factories.ts'
import { createToyBox } from './support/toy-boxes/queries.ts'
import { NewToyBox } from './support/toy-boxes/routes.ts'
// end
// if holding
//| import { refusalOf } from '../../../src/kit/http/sql-refusals.ts'
//| import { toyBoxes } from './support/toy-boxes/table.ts'
// end
// if kept
//| import { refusalOf } from '../../../src/kit/http/sql-refusals.ts'
// end
// if ref
import { newToyMaker } from './support/toy-makers/factories.ts'
import { createToyMaker } from './support/toy-makers/queries.ts'
import { NewToyMaker } from './support/toy-makers/routes.ts'
import { toyMakers } from './support/toy-makers/table.ts'
// end
// if src/files/table.ts
//| import { inArray } from 'drizzle-orm'
//| import { fileJobs } from '../../../src/files/files.ts'
//| import { files } from '../../../src/files/table.ts'
//| import { addFile } from '../../../test/support/uploads.ts'
//| import { until } from '../../../test/kit/support/until.ts'
//| import { startTestWorker } from './support/worker.ts'
// end
// if src/account/export.ts
import { until } from '../../../test/kit/support/until.ts'
import { startTestWorker } from './support/worker.ts'
// end

/** Writing takes this role. */
const WRITER = 'editor'

type Member = Awaited<ReturnType<TestApp['member']>>

let app: TestApp
let [ann, bob, admin] = [] as unknown as [Member, Member, Member]
/** Where Ann's toy cars are. */
let path: string
beforeAll(async () => {
  app = await startApp()
  ann = await app.member(WRITER)
  bob = await app.member('editor')
  admin = await app.member('superuser')
  path = await pathOf(ann)
  // if referring
  mine = await refsOf(ann)
  // end
})
afterAll(() => app.close())
beforeEach(async () => {
  await app.deps.db.delete(toyCars)
})

// if under
/** In a toy box of its own. */
async function pathOf({ user: { id: me, role } }: Member): Promise<string> {
  const scope = { db: app.deps.db, me, role }
  const { id } = await createToyBox(scope, NewToyBox.parse(newToyBox()))
  return `/api/toy-boxes/${id}/toy-cars`
}
// else
//| const pathOf: (member: Member) => Promise<string> = async () => '/api/toy-cars'
// end

// if filed
//| /** Files of an account. */
//| async function filesOf({ id: me }: { id: string }) {
//|   const scope = { db: app.deps.db, me }
//|   return {
//|     $file: await addFile(scope, 'image'),
//|   }
//| }
//|
// end
// if referring
/** What an account may refer to. */
async function refsOf({ user }: Member) {
  // if scoped
  const scope = { db: app.deps.db, me: user.id, role: user.role }
  // end
  return {
    $ref: (await createToyMaker(scope, NewToyMaker.parse(newToyMaker()))).id,
    $account: user.id,
    // if src/files/table.ts
    //| $file: await addFile(scope, 'image'),
    // end
  }
}

let mine: Awaited<ReturnType<typeof refsOf>>

/** As Ann sends one. */
const newToyCar = (input = {}) => makeToyCar({ ...mine, ...input })
// else
//| const refsOf = async (_member: Member) => ({})
// end

/** Ann adds one. */
async function add(input = {}) {
  const { status, body } = await ann.post(path, newToyCar(input))
  expect([status, body.issues]).toEqual([201, undefined])
  return body
}

/** Each page of the list, by the links from one to the next. */
async function pagesOf(query: string): Promise<unknown[][]> {
  const found: unknown[][] = []
  for (let next: string | undefined = `?${query}`; next !== undefined;) {
    const { status, body, headers } = await ann.get(path + next)
    expect([next, status]).toEqual([next, 200])
    found.push(body)
    next = /<([^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
  }
  return found
}

/** What a deletion answers. */
// if soft
const deleted = <Row extends { version: number }>(toyCar: Row) => ({
  ...toyCar,
  version: toyCar.version + 1,
  deleted: expect.stringMatching(/Z$/),
})
// else
//| const deleted = <Row>(toyCar: Row) => toyCar
// end

const codeOf = ({ status, body }: { status: number; body: { code?: string } }) =>
  status < 400 ? status : body.code

// if ruled
//| const fieldOf = ({ path }: { path: string }) => path
// end

test('a toy car is created, belongs to its creator, and is read as it was answered', async () => {
  const input = newToyCar()
  const { status, body } = await ann.post(path, { ...input, id: '7', creator: bob.user.id })
  expect(status).toBe(201)
  expect(body).toEqual({
    id: expect.stringMatching(/^\d+$/),
    // if under
    toy_box: path.split('/')[3],
    // end
    ...input,
    creator: ann.user.id,
    created: expect.stringMatching(/Z$/),
    modified: expect.stringMatching(/Z$/),
    version: 1,
    // if soft
    deleted: null,
    // end
  })
  expect((await ann.get(`${path}/${body.id}`)).body).toEqual(body)
})

// if optional
test('what is optional of a toy car may be left out, and be null', async () => {
  const nulls = {
    $optional: null,
  }
  const input = newToyCar()
  const required = Object.entries(input).filter(([column]) => !Object.hasOwn(nulls, column))
  const { status, body } = await ann.post(path, Object.fromEntries(required))
  expect([status, body]).toEqual([201, { ...body, ...nulls }])
  const filled = await ann.put(`${path}/${body.id}`, input)
  const { modified } = filled.body
  expect([filled.status, filled.body]).toEqual([200, { ...body, ...input, modified, version: 2 }])
  const emptied = await ann.put(`${path}/${body.id}`, nulls)
  expect([emptied.status, emptied.body]).toEqual([
    200,
    { ...filled.body, ...nulls, modified: emptied.body.modified, version: 3 },
  ])
})
// end

// if plain
test.each<[field: string, other: (value: never) => unknown]>([
  ['$string', (v: string) => `${v.slice(0, -1)}x`],
  ['$text', (v: string) => `${v.slice(0, -1)}x`],
  ['$int', (v: number) => v + 1],
  ['$number', (v: number) => v + 0.01],
  ['$decimal', (v: string) => (Number(v) + 0.01).toFixed(2)],
  ['$bool', (v: boolean) => !v],
  ['$date', (v: string) => new Date(Date.parse(v) + 86_400_000).toISOString().slice(0, 10)],
  ['$timestamp', (v: string) => new Date(Date.parse(v) + 60_000).toISOString()],
  ['$time', (v: string) => new Date(Date.parse(`2026-01-01T${v}Z`) + 60_000).toISOString().slice(11, 19)],
  ['$uuid', () => '0d9f0b5a-52a7-4a52-8a3c-6c1c0a3b7e02'],
  ['$email', (v: string) => `x${v}`],
  ['$url', (v: string) => `${v}x`],
  ['$enum', (v: string) => (v === 'first' ? 'second' : 'first')],
  ['$strings', (v: string[]) => v.map((each) => `${each}x`)],
  ['$json', (v: unknown) => ({ was: v })],
])('a partial body changes only what it names, a whole one brings it back: %s', async (field, other) => {
  const toyCar = await add()
  const only = { [field]: other(toyCar[field] as never) }
  for (const [method, input, version] of [
    ['PATCH', only, 2],
    ['PUT', toyCar, 3],
    ['PUT', only, 4],
    ['PATCH', toyCar, 5],
  ] as const) {
    const { status, body } = await ann.send(method, `${path}/${toyCar.id}`, input)
    expect([status, body]).toEqual([200, { ...toyCar, ...input, modified: body.modified, version }])
  }
})
// end

// if defaulted
test('what is left out of a new toy car has its default, which a change does not bring back', async () => {
  const defaults = {
    $default: 'none',
  }
  const bare = (input: object) =>
    Object.fromEntries(Object.entries(input).filter(([column]) => !Object.hasOwn(defaults, column)))
  const { status, body } = await ann.post(path, bare(newToyCar()))
  expect([status, body]).toEqual([201, { ...body, ...defaults }])
  const input = newToyCar()
  const changed = await ann.put(`${path}/${body.id}`, input)
  expect((await ann.put(`${path}/${body.id}`, bare(input))).body).toMatchObject(
    Object.fromEntries(Object.keys(defaults).map((column) => [column, changed.body[column]])),
  )
})
// end

test('a body that names nothing changes nothing', async () => {
  const toyCar = await add()
  const { status, body } = await ann.put(`${path}/${toyCar.id}`, { unknown: 1 })
  expect([status, body]).toEqual([200, toyCar])
})

test.each([
  { $string: '' },
  { $text: 5 },
  { $int: 1.5 },
  { $number: 'many' },
  { $decimal: '1e3' },
  { $bool: 'yes' },
  { $date: '2026-02-30' },
  { $timestamp: 'yesterday' },
  { $time: '24:00' },
  { $uuid: '7e0b1c52' },
  { $email: 'nobody' },
  { $url: 'javascript:alert(1)' },
  { $enum: 'none of these' },
  { $strings: 'one' },
  { $json: ['\0'] },
  { $ref: 'none' },
  { $account: 'none' },
  // if src/files/table.ts
  //| { $file: 'none' },
  // end
  // if least
  //| { $string: BELOW },
  // end
  // if most
  //| { $string: ABOVE },
  // end
  // if required
  { $string: null },
  // end
])('bad input is refused: %p', async (input) => {
  const toyCar = await add()
  for (const refused of [
    await ann.post(path, { ...newToyCar(), ...input }),
    await ann.put(`${path}/${toyCar.id}`, input),
  ]) {
    expect([refused.status, refused.body.issues[0].path]).toEqual([400, Object.keys(input)[0]])
  }
  expect((await ann.get(path)).body).toEqual([toyCar])
})

// if unique
test.each(['$string'] as const)('no two toy cars of an account have the same %s', async (column) => {
  const toyCar = await add()
  const other = await add()
  const same = { [column]: toyCar[column] }
  for (const refused of [await ann.post(path, newToyCar(same)), await ann.put(`${path}/${other.id}`, same)]) {
    expect([refused.status, refused.body.issues]).toEqual([
      409,
      [{ path: column, message: 'exists already' }],
    ])
  }
  expect((await ann.get(`${path}/${other.id}`)).body).toEqual(other)
})
// end

// if own
test.each(['$string'] as const)(
  // if owned
  'the same %s of another account is no obstacle, so that nobody learns of it',
  // else
  //| 'the same %s in another toy box is no obstacle, so that nobody learns of it',
  // end
  async (column) => {
    const toyCar = await add()
    // if owned
    const { status, body } = await admin.post(
      path,
      newToyCar({ /* ...filesOf(admin.user) */ [column]: toyCar[column] }),
    )
    expect([status, body[column]]).toEqual([201, toyCar[column]])
    // else
    //| const { status, body } = await ann.post(await pathOf(ann), newToyCar({ [column]: toyCar[column] }))
    //| expect([status, body[column]]).toEqual([201, toyCar[column]])
    // end
  },
)
// end

// each unique
//| test('no two toy cars of one list have the same $fields', async () => {
//|   const [first, second] = [await add(), await add()]
//|   const same = { $same }
//|   for (const { status, body } of [
//|     await ann.post(path, newToyCar(same)),
//|     await ann.patch(`${path}/${second.id}`, same),
//|   ])
//|     expect([status, body.code, body.issues.map(fieldOf)]).toEqual([409, 'already_exists', [$names]])
//|   expect((await ann.get(path)).body).toEqual([first, second])
//| })
// done
// each ownunique
//| test('the same $fields elsewhere are no obstacle, so that nobody learns of them', async () => {
//|   const first = await add()
// if owned
//|   expect((await admin.post(path, newToyCar({ /* ...filesOf(admin.user) */ $same }))).status).toBe(201)
// else
//|   expect((await ann.post(await pathOf(ann), newToyCar({ $same }))).status).toBe(201)
// end
//| })
// done

// each check
//| test('$check: else it is refused, with the whole and with one field alone in the same words', async () => {
//|   const [$rows] = [$values] as const
//|   const wrong = { $wrong }
//|   const refused = [
//|     await ann.post(path, newToyCar({ $other, ...wrong })),
//|     await ann.patch(`${path}/${checked.id}`, wrong),
//|   ]
//|   expect(refused.map(({ status, body }) => [status, body.code, body.issues.map(fieldOf)])).toEqual([
//|     [400, 'invalid_request', [$names]],
//|     [409, 'check_violation', [$names]],
//|   ])
//|   expect(refused[0]?.body.issues).toEqual(refused[1]?.body.issues)
//|   expect((await ann.get(path)).body).toEqual([checked])
//| })
// done

// each exclude
//| test('no two toy cars overlap in $fields, whoever adds or moves them; those that touch do not', async () => {
//|   const [a, b, c, d, e] = [newToyCar(), newToyCar(), newToyCar(), newToyCar(), newToyCar()]
//|   const at = (from: unknown, to: unknown) =>
//|     newToyCar({ $frame$from: from as never, $to: to as never })
//|   await add(at(b.$from, d.$to))
//|   const far = await add()
//|   // Nobody learns whose the other one is, or from when to when.
//|   const what = 'overlaps with something that exists'
//|   const issues = [$names].map((field) => ({ path: field, message: what }))
//|   const refusal = { err: `409: ${issues[0]?.path}: ${what}`, code: 'exclusion_violation', issues }
//|   for (const overlapping of [
//|     at(a.$from, c.$to),
//|     at(c.$from, c.$to),
//|     at(c.$from, e.$to),
//|     at(a.$from, e.$to),
//|   ])
//|     for (const { status, body } of [
//|       await ann.post(path, overlapping),
//|       await $another.post(path, { ...overlapping, /* ...filesOf($another.user) */ }),
//|       await ann.patch(`${path}/${far.id}`, overlapping),
//|     ])
//|       expect([status, body]).toEqual([409, { ...refusal, requestId: body.requestId }])
//|   for (const touching of [at(a.$to, b.$from), at(d.$to, e.$from)])
//|     expect((await $another.post(path, { ...touching, /* ...filesOf($another.user) */ })).status).toBe(201)
// if under
//|   expect((await ann.post(await pathOf(ann), at(b.$from, d.$to))).status).toBe(201)
// end
//| })
//|
//| test('of many at once that would overlap there is one, and the others are told', async () => {
//|   const first = newToyCar()
//|   const same = { $same }
//|   const replies = await Promise.all(Array.from({ length: 20 }, () => ann.post(path, newToyCar(same))))
//|   expect(replies.map(({ status }) => status).toSorted()).toEqual([
//|     201,
//|     ...Array.from({ length: 19 }, () => 409),
//|   ])
//|   expect((await ann.get(path)).body).toHaveLength(1)
//| })
// done

test('of two who have read one state the second changes nothing, and learns the current one', async () => {
  const toyCar = await add()
  const at = `${path}/${toyCar.id}`
  const { headers } = await ann.get(at)
  const ifAsRead = { 'If-Match': headers.get('etag') ?? '' }
  const { status, body } = await admin.patch(at, newToyCar(/* filesOf(admin.user) */), ifAsRead)
  expect([status, body.version]).toEqual([200, 2])
  const currentTag = (await ann.get(at)).headers.get('etag')
  for (const late of [
    await ann.put(at, newToyCar(), ifAsRead),
    await ann.patch(at, {}, ifAsRead),
    await ann.delete(at, ifAsRead),
  ])
    expect([codeOf(late), late.headers.get('etag')]).toEqual(['precondition_failed', currentTag])
  expect((await ann.get(at)).body).toEqual(body)
  expect((await ann.delete(at, { 'If-Match': '"2"' })).body).toEqual(deleted(body))
})

test('a creation that is sent again with its key is done once; another one with that key is refused', async () => {
  const withKey = { 'Idempotency-Key': crypto.randomUUID() }
  const input = newToyCar()
  const { body } = await ann.post(path, input, withKey)
  const again = await ann.post(path, input, withKey)
  expect([again.status, again.headers.get('idempotent-replayed'), again.body]).toEqual([201, 'true', body])
  const other = { ...newToyCar(), unknown: 1 }
  expect(codeOf(await ann.post(path, other, withKey))).toBe('idempotency_key_reused')
  expect((await ann.get(path)).body).toEqual([body])
})

test('who has the current state of a toy car, or of their list, is told so without a body', async () => {
  const { id } = await add()
  for (const at of [path, `${path}/${id}`]) {
    const { headers } = await ann.get(at)
    const ifNew = { 'If-None-Match': headers.get('etag') ?? '' }
    const { status, text } = await ann.get(at, ifNew)
    expect([status, text]).toEqual([304, ''])
    // if owned private
    expect((await bob.get(at, ifNew)).status).not.toBe(304)
    // end
    await ann.patch(`${path}/${id}`, newToyCar())
    expect((await ann.get(at, ifNew)).status).toBe(200)
  }
})

test('the list is in order of id, by pages that count from 1, and is counted if that is asked for', async () => {
  const all: unknown[] = []
  for (const input of [newToyCar(), newToyCar(), newToyCar()].toReversed()) all.push(await add(input))
  const { body, headers } = await ann.get(path)
  expect([body, headers.get('total-count')]).toEqual([all, null])
  expect(await pagesOf('limit=2')).toEqual([all.slice(0, 2), all.slice(2)])
  expect((await ann.get(`${path}?page=2&limit=2`)).body).toEqual(all.slice(2))
  expect((await ann.get(`${path}?count=true&limit=1`)).headers.get('total-count')).toBe('3')
  for (const query of ['limit=0', 'limit=201', 'page=2001', 'cursor=none', 'sort=none']) {
    expect([query, (await ann.get(`${path}?${query}`)).status]).toEqual([query, 400])
  }
})

// if spread
/** By value: a decimal number is a text. */
const isBefore = (a: string | number, b: string | number) =>
  Number.isNaN(Number(a)) ? a < b : Number(a) < Number(b)

test.each(['$string', '$int', '$number', '$decimal', '$date', '$timestamp', '$time', '$email'])(
  'the list is sorted by %s, both ways, page by page, and narrowed to a part of that order',
  async (field) => {
    const all = [await add(), await add(), await add()]
    const sorted = all.toSorted((a, b) => (isBefore(a[field], b[field]) ? -1 : 1))
    expect((await pagesOf(`limit=2&sort=${field}`)).flat()).toEqual(sorted)
    expect((await pagesOf(`limit=2&sort=-${field}`)).flat()).toEqual(sorted.toReversed())
    const middle = encodeURIComponent(sorted[1][field])
    expect((await pagesOf(`sort=${field}&${field}[gte]=${middle}`)).flat()).toEqual(sorted.slice(1))
    expect((await pagesOf(`sort=${field}&${field}[lt]=${middle}`)).flat()).toEqual(sorted.slice(0, 1))
  },
)
// end

// if told
test.each([
  '$string',
  '$int',
  '$number',
  '$decimal',
  '$bool',
  '$date',
  '$timestamp',
  '$time',
  '$uuid',
  '$email',
  '$enum',
  '$strings',
])('the list is narrowed to a value of %s', async (field) => {
  const [toyCar] = [await add(), await add()]
  const [value] = [toyCar[field]].flat()
  expect((await ann.get(`${path}?${field}=${encodeURIComponent(value)}`)).body).toEqual([toyCar])
})
// end

// if referring
test.each(['$ref', '$account'] as const)(
  'the list is narrowed to what refers to one thing by %s',
  async (field) => {
    const other = await refsOf(admin)
    const { body: toyCar } = await admin.post(
      path,
      newToyCar({ /* ...filesOf(admin.user) */ [field]: other[field] }),
    )
    await add()
    expect((await admin.get(`${path}?${field}=${other[field]}`)).body).toEqual([toyCar])
  },
)

test('a toy car refers to what there is for its writer: what is missing and what is hidden are refused alike', async () => {
  const toyCar = await add()
  const refused: [field: string, id: string][] = [
    // if ref
    ['$ref', '2147483647'],
    // end
    // if secret
    // if privileged
    // else
    ['$ref', (await refsOf(bob)).$ref],
    // end
    // end
    // if account
    ['$account', crypto.randomUUID()],
    // end
    // if filed
    //| ['$file', crypto.randomUUID()],
    //| ['$file', (await refsOf(bob)).$file],
    //| ['$file', await addFile(scope, 'image', 'pending')],
    // end
  ]
  for (const [field, id] of refused) {
    for (const { status, body } of [
      await ann.post(path, newToyCar({ [field]: id })),
      await ann.patch(`${path}/${toyCar.id}`, { [field]: id }),
    ]) {
      const told = [{ path: field, message: 'refers to nothing that there is' }]
      expect([status, body.code, body.issues]).toEqual([409, 'foreign_key_violation', told])
    }
  }
  const others = await refsOf(ann)
  const { status, body } = await ann.patch(`${path}/${toyCar.id}`, others)
  expect([status, body]).toEqual([200, { ...toyCar, ...others, modified: body.modified, version: 2 }])
})

/** Deletes what a field refers to. */
const remove = {
  // if ref
  $ref: (id: string) => app.deps.db.delete(toyMakers).where(eq(toyMakers.id, Number(id))),
  // end
  // if account
  $account: (id: string) => app.deps.db.delete(users).where(eq(users.id, id)),
  // end
  // if filed
  //| $file: (id: string) => app.deps.db.delete(files).where(eq(files.id, id)),
  // end
}
// end

// if cascading
test.each(['$ref', '$account'] as const)('a toy car goes with what it refers to by %s', async (field) => {
  const toyCar = await add()
  const { [field]: id } = await refsOf(await app.member())
  expect((await admin.post(path, newToyCar({ /* ...filesOf(admin.user) */ [field]: id }))).status).toBe(201)
  await remove[field](id)
  expect((await admin.get(path)).body).toEqual([toyCar])
})
// end

// if emptied
//| test.each(['$ref', '$account'] as const)('a toy car stays without what it refers to by %s', async (field) => {
//|   const { [field]: id } = await refsOf(await app.member())
//|   const { body } = await admin.post(path, newToyCar({ /* ...filesOf(admin.user) */ [field]: id }))
//|   await remove[field](id)
//|   expect((await admin.get(path)).body).toEqual([{ ...body, [field]: null }])
//| })
// end

// if kept
//| test.each(['$ref', '$account'] as const)('nothing is deleted that a toy car refers to by %s', async (field) => {
//|   const toyCar = await add()
//|   const error = await remove[field](toyCar[field]).catch((thrown: unknown) => refusalOf(thrown))
//|   expect(error).toMatchObject({ status: 409, code: 'foreign_key_violation', message: 'It is still referred to' })
//| })
// end

// if filed
//| test('a whole body has the file that is there, whosever it is', async () => {
//|   const toyCar = await add()
//|   const { status, body } = await admin.put(`${path}/${toyCar.id}`, toyCar)
//|   expect([status, body]).toEqual([200, { ...toyCar, modified: body.modified, version: 2 }])
//| })
//|
//| test.each(['$file'] as const)('a file is deleted by a job once no toy car refers to it by %s', async (field) => {
//|   const [kept, gone, changed] = [
//|     await add(await filesOf(ann.user)),
//|     await add(await filesOf(ann.user)),
//|     await add(await filesOf(ann.user)),
//|   ]
//|   const { body: then } = await ann.patch(`${path}/${changed.id}`, await filesOf(ann.user))
//|   await app.deps.db.delete(toyCars).where(eq(toyCars.id, Number(gone.id)))
//|   const ids = [kept, gone, changed, then].map((toyCar) => toyCar[field])
//|   const old = { changed: sql`now() - interval '2 days'` }
//|   await app.deps.db.update(files).set(old).where(inArray(files.id, ids))
//|   await app.deps.enqueue(fileJobs.sweepFiles, { store: false })
//|   const worker = await startTestWorker(app)
//|   try {
//|     await until('the files to go', async () => {
//|       const left = await app.deps.db.select().from(files).where(inArray(files.id, ids))
//|       return Bun.deepEquals(left.map(({ id }) => id).toSorted(), [kept[field], then[field]].toSorted())
//|     })
//|   } finally {
//|     await worker.stop()
//|   }
//| })
// end

// if found
test.each([
  { $string: '100% Ångström (1868)' },
  { $text: '100% Ångström (1868)' },
  { $optional: '100% Ångström (1868)' },
])('a search finds part of a text, in any case: %p', async (input) => {
  await add()
  const toyCar = await add(input)
  for (const search of ['ångs', '100%', 'M']) {
    const { body } = await ann.get(`${path}?search=${encodeURIComponent(search)}`)
    expect([search, body.at(-1)]).toEqual([search, toyCar])
  }
  expect((await ann.get(`${path}?search=0%25`)).body).toEqual([toyCar])
})
// end

test('the list is narrowed to a creator', async () => {
  const toyCar = await add()
  expect((await ann.get(`${path}?creator=${ann.user.id}`)).body).toEqual([toyCar])
  expect((await ann.get(`${path}?creator=${crypto.randomUUID()}`)).body).toEqual([])
})

test('a deletion returns the toy car that was, and then it is not found', async () => {
  const toyCar = await add()
  const { status, body } = await ann.delete(`${path}/${toyCar.id}`)
  expect([status, body]).toEqual([200, deleted(toyCar)])
  for (const id of [toyCar.id, 'none', '0']) {
    expect((await ann.get(`${path}/${id}`)).status).toBe(404)
    expect((await ann.put(`${path}/${id}`, newToyCar())).status).toBe(404)
    expect((await ann.delete(`${path}/${id}`)).status).toBe(404)
  }
})

// if bulk
test('many toy cars are created and deleted by one request, in their order, all of them or none', async () => {
  const old = [await add(), await add()]
  const inputs = [newToyCar(), newToyCar(), newToyCar()].toReversed()
  const { status, body } = await ann.patch(path, {
    create: inputs,
    delete: [old[1].id, old[0].id, old[1].id],
  })
  const created = inputs.map((input) =>
    expect.objectContaining({ ...input, creator: ann.user.id, version: 1 }),
  )
  expect([status, body]).toEqual([200, { created, deleted: [deleted(old[1]), deleted(old[0])] }])
  expect((await ann.get(path)).body).toEqual(body.created)

  const [ids] = [body.created.map(({ id }: { id: string }) => id)]
  for (const id of ['2147483647', old[0].id]) {
    const refused = await ann.patch(path, { create: [newToyCar()], delete: [...ids, id] })
    expect([codeOf(refused), refused.body.issues]).toEqual([
      'not_found',
      [{ path: 'delete.3', message: 'is not there' }],
    ])
  }
  for (const [batch, where] of [
    [{}, ''],
    [{ create: [], delete: [] }, ''],
    [{ delete: ['none'] }, 'delete.0'],
    [{ create: [newToyCar(), { ...newToyCar(), creator: null }, null] }, 'create.2'],
    [{ create: Array.from({ length: MAX_BATCH + 1 }, () => newToyCar()) }, 'create'],
    [{ delete: Array.from({ length: MAX_BATCH + 1 }, () => ids[0]) }, 'delete'],
  ] as const) {
    const refused = await ann.patch(path, batch)
    expect([refused.status, refused.body.issues[0].path]).toEqual([400, where])
  }
  expect((await ann.get(path)).body).toEqual(body.created)
})

test('of 50 equal requests at once for many toy cars one creates them', async () => {
  const withKey = { 'Idempotency-Key': crypto.randomUUID() }
  const batch = { create: [newToyCar(), newToyCar()] }
  const replies = await Promise.all(Array.from({ length: 50 }, () => ann.patch(path, batch, withKey)))
  const { body } = await ann.patch(path, batch, withKey)
  for (const reply of replies)
    if (reply.status === 200) expect(reply.body).toEqual(body)
    else expect(codeOf(reply)).toBe('request_in_progress')
  expect((await ann.get(path)).body).toEqual(body.created)
})

// if unique
test.each(['$string'] as const)('of many toy cars the one whose %s is taken is named', async (column) => {
  const toyCar = await add()
  const taken = newToyCar({ [column]: toyCar[column] })
  const twice = newToyCar()
  for (const create of [
    [newToyCar(), taken, newToyCar()],
    [twice, newToyCar({ [column]: twice[column] })],
  ]) {
    const refused = await ann.patch(path, { create })
    expect([codeOf(refused), refused.body.issues]).toEqual([
      'already_exists',
      [{ path: `create.1.${column}`, message: 'exists already' }],
    ])
  }
  expect((await ann.get(path)).body).toEqual([toyCar])
  const replaced = await ann.patch(path, { create: [taken], delete: [toyCar.id] })
  expect([replaced.status, replaced.body.created[0][column]]).toEqual([200, toyCar[column]])
})
// end

// if exclusive
//| test('of many toy cars the one that overlaps is named', async () => {
//|   const input = newToyCar()
//|   const refused = await ann.patch(path, { create: [newToyCar(), input, input] })
//|   expect([refused.status, refused.body.issues[0].path]).toEqual([409, expect.stringMatching(/^create\.2\./)])
//|   expect((await ann.get(path)).body).toEqual([])
//| })
// end

// end
// if soft
test('a deleted toy car is in no list, search, count or page, is not changed, and comes back as it was', async () => {
  const [toyCar, other] = [await add(), await add()]
  const one = `${path}/${toyCar.id}`
  const gone = (await ann.delete(one)).body
  const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id)
  for (const query of [
    'sort=-id',
    `creator=${ann.user.id}`,
    // if sorted
    ...['$string', '$int', '$number', '$date', '$timestamp'].map((field) => `sort=${field}`),
    // end
    // if indexed
    ...['$string', '$int', '$number', '$bool', '$date', '$timestamp', '$uuid', '$enum'].map(
      (field) => `${field}=${encodeURIComponent(toyCar[field])}`,
    ),
    // end
    // if searched
    ...['$string', '$text', '$optional'].map((field) => `search=${encodeURIComponent(toyCar[field])}`),
    // end
  ]) {
    expect([query, idsOf((await ann.get(`${path}?${query}`)).body)]).not.toEqual([
      query,
      expect.arrayContaining([toyCar.id]),
    ])
    const trash = idsOf((await ann.get(`${path}?${query}&deleted=true`)).body)
    expect([query, trash.includes(toyCar.id), trash.includes(other.id)]).toEqual([query, true, false])
  }
  const { body, headers } = await ann.get(`${path}?deleted=false&count=true&limit=1`)
  expect([body, headers.get('total-count'), headers.get('link')]).toEqual([[other], '1', null])
  for (const reply of [await ann.get(one), await ann.patch(one, newToyCar()), await ann.delete(one)])
    expect(reply.status).toBe(404)
  // if bulk
  expect((await ann.patch(path, { delete: [other.id, toyCar.id] })).status).toBe(404)
  // end
  expect((await ann.get(`${path}?deleted=true`)).body).toEqual([gone])

  const restored = await ann.post(`${one}/restore`)
  expect([restored.status, restored.body]).toEqual([200, { ...toyCar, version: 3 }])
  expect((await ann.get(path)).body).toEqual([restored.body, other])
  expect((await ann.post(`${one}/restore`)).status).toBe(404)
})

test('what is deleted, those see and restore who may change it', async () => {
  const toyCar = await add()
  const one = `${path}/${toyCar.id}`
  const gone = (await ann.delete(one)).body
  // if owned
  const others = [bob, app.visitor(), await programOf(admin)]
  // else
  //| const others = [app.visitor()]
  // end
  for (const other of others) {
    const trash = await other.get(`${path}?deleted=true`)
    if (trash.status === 200) expect(trash.body).toEqual([])
    expect((await other.post(`${one}/restore`)).status).toBeGreaterThanOrEqual(400)
  }
  expect((await admin.get(`${path}?deleted=true`)).body).toEqual([gone])
  expect((await admin.post(`${one}/restore`)).body).toEqual({ ...toyCar, version: 3 })
})

// if unique
test.each(['$string'] as const)(
  'the %s of a deleted toy car is free, and if it is taken, that one stays deleted',
  async (column) => {
    const toyCar = await add()
    const one = `${path}/${toyCar.id}`
    await ann.delete(one)
    await add({ [column]: toyCar[column] })
    const refused = await ann.post(`${one}/restore`)
    expect([codeOf(refused), refused.body.issues]).toEqual([
      'already_exists',
      [{ path: column, message: 'exists already' }],
    ])
    expect((await ann.get(one)).status).toBe(404)
  },
)
// end

// if exclusive
//| test('the room of a deleted toy car is free, and if it is taken, that one stays deleted', async () => {
//|   const input = newToyCar()
//|   const one = `${path}/${(await add(input)).id}`
//|   await ann.delete(one)
//|   await add(input)
//|   expect((await ann.post(`${one}/restore`)).status).toBe(409)
//|   expect((await ann.get(one)).status).toBe(404)
//| })
// end

test('after its days a deleted toy car is not restored, and goes for good; no other one does', async () => {
  const [stays, waits, goes] = [await add(), await add(), await add()]
  for (const { id } of [waits, goes]) await ann.delete(`${path}/${id}`)
  const longAgo = sql`now() - make_interval(days => ${deletedToyCars.days}, secs => 1)`
  await app.deps.db
    .update(toyCars)
    .set({ deleted: longAgo })
    .where(eq(toyCars.id, Number(goes.id)))
  expect((await ann.post(`${path}/${goes.id}/restore`)).status).toBe(404)
  const trash = (await ann.get(`${path}?deleted=true`)).body
  expect(trash).toEqual([deleted(waits)])
  expect(await deleteOver(app.deps.db, { toyCars, deletedToyCars }, new AbortController().signal)).toBe(1)
  const left = await app.deps.db.select({ id: toyCars.id }).from(toyCars).orderBy(toyCars.id)
  expect(left.map(({ id }) => String(id))).toEqual([stays.id, waits.id])
})
// end

test.each(roles.admitted)('of the role %s, an account writes if that is enough, and reads', async (role) => {
  const member = await app.member(role)
  const own = await pathOf(member)
  const mayWrite = roles.atLeast(role, WRITER)
  expect(codeOf(await member.post(own, newToyCar(await refsOf(member))))).toBe(
    mayWrite ? 201 : 'insufficient_role',
  )
  expect((await member.get(own)).body).toHaveLength(mayWrite ? 1 : 0)
  if (mayWrite) return
  const { id } = await add()
  expect(codeOf(await member.put(`${path}/${id}`, newToyCar()))).toBe('insufficient_role')
  expect(codeOf(await member.delete(`${path}/${id}`))).toBe('insufficient_role')
  // if bulk
  expect(codeOf(await member.patch(path, { delete: [id] }))).toBe('insufficient_role')
  // end
  // if soft
  expect(codeOf(await member.post(`${path}/${id}/restore`))).toBe('insufficient_role')
  // end
})

// if login
test('a visitor is told to log in, whatever it asks for', async () => {
  const { id } = await add()
  const visitor = app.visitor()
  for (const reply of [
    await visitor.get(path),
    await visitor.get(`${path}/${id}`),
    await visitor.post(path, newToyCar()),
    await visitor.put(`${path}/${id}`, newToyCar()),
    await visitor.delete(`${path}/${id}`),
    // if bulk
    await visitor.patch(path, { delete: [id] }),
    // end
    // if soft
    await visitor.post(`${path}/${id}/restore`),
    // end
  ])
    expect(codeOf(reply)).toBe('login_required')
})
// end
// if open
//| test('a visitor reads every toy car, and writes none', async () => {
//|   const toyCar = await add()
//|   const visitor = app.visitor()
//|   expect((await visitor.get(path)).body).toEqual([toyCar])
//|   expect((await visitor.get(`${path}/${toyCar.id}`)).body).toEqual(toyCar)
//|   expect(codeOf(await visitor.post(path, newToyCar()))).toBe('login_required')
//|   expect(codeOf(await visitor.put(`${path}/${toyCar.id}`, newToyCar()))).toBe('login_required')
//|   expect(codeOf(await visitor.delete(`${path}/${toyCar.id}`))).toBe('login_required')
//| })
// end

// if owned private
/** All of an answer but the id that was asked for and the number of the request. */
const sameFor = (id: string, { status, text, body }: { status: number; text: string; body: Identified }) =>
  [status, text.replaceAll(body.requestId ?? '', 'request').replaceAll(`toy-cars/${id}`, 'id')] as const
type Identified = { requestId?: string }

test('another account learns nothing of it: by no list, search, filter, order, count, cursor or id', async () => {
  const toyCar = await add()
  await add()
  const { headers } = await ann.get(`${path}?limit=1`)
  const cursor = /cursor=([^&>]*)/.exec(headers.get('link') ?? '')?.[1]
  const queries = [
    '',
    'sort=-id',
    'page=1',
    `cursor=${cursor}`,
    `creator=${ann.user.id}`,
    // if soft
    'deleted=true',
    // end
    // if sorted
    ...['$string', '$int', '$number', '$decimal', '$date', '$timestamp', '$time', '$email'].map(
      (field) => `sort=-${field}`,
    ),
    // end
    // if indexed
    ...['$string', '$bool', '$uuid', '$enum', '$strings', '$ref', '$account'].map(
      (field) => `${field}=${encodeURIComponent([toyCar[field]].flat()[0])}`,
    ),
    // end
    // if searched
    ...['$string', '$text', '$optional'].map((field) => `search=${encodeURIComponent(toyCar[field])}`),
    // end
  ]
  for (const query of queries) {
    const reply = await bob.get(`${path}?${query}&count=true`)
    // if hidden
    expect([query, reply.status]).toEqual([query, 404])
    // else
    //| expect([query, reply.body]).toEqual([query, []])
    //| expect(reply.headers.get('total-count')).toBe('0')
    //| expect(reply.headers.get('link') ?? '').not.toContain('rel="next"')
    // end
  }
  const missing = String(Number(toyCar.id) + 1000)
  const ask = async (id: string) => [
    sameFor(id, await bob.get(`${path}/${id}`)),
    sameFor(id, await bob.put(`${path}/${id}`, newToyCar())),
    sameFor(id, await bob.delete(`${path}/${id}`)),
    sameFor(id, await bob.patch(`${path}/${id}`, newToyCar(), { 'If-Match': '"9"' })),
    sameFor(id, await bob.delete(`${path}/${id}`, { 'If-Match': '"9"' })),
    // if bulk
    sameFor(id, await bob.patch(path, { delete: [id] })),
    // end
    // if soft
    sameFor(id, await bob.post(`${path}/${id}/restore`)),
    // end
  ]
  expect(await ask(toyCar.id)).toEqual(await ask(missing))
  expect((await bob.get(`${path}/${toyCar.id}`)).status).toBe(404)
  expect((await ann.get(`${path}/${toyCar.id}`)).body).toEqual(toyCar)
})
// end
// if owned public seen
//| test('another account reads every toy car, and changes none of them', async () => {
//|   const toyCar = await add()
//|   expect((await bob.get(path)).body).toEqual([toyCar])
//|   expect((await bob.get(`${path}/${toyCar.id}`)).body).toEqual(toyCar)
//|   const refusal = roles.atLeast(bob.user.role, WRITER) ? 'not_found' : 'insufficient_role'
//|   expect(codeOf(await bob.put(`${path}/${toyCar.id}`, {}))).toBe(refusal)
//|   expect(codeOf(await bob.delete(`${path}/${toyCar.id}`))).toBe(refusal)
//|   const other = { 'If-Match': '"9"' }
//|   expect(codeOf(await bob.patch(`${path}/${toyCar.id}`, {}, other))).toBe(refusal)
//|   expect(codeOf(await bob.delete(`${path}/${toyCar.id}`, other))).toBe(refusal)
// if bulk
//|   expect(codeOf(await bob.patch(path, { delete: [toyCar.id] }))).toBe(refusal)
// end
//|   expect((await ann.get(path)).body).toEqual([toyCar])
//| })
// end
// if shared seen
//| test('toy cars are shared: an account reads and changes those of others, which stay theirs', async () => {
//|   const toyCar = await add()
//|   const other = await app.member(WRITER)
//|   expect((await bob.get(path)).body).toEqual([toyCar])
//|   expect((await bob.get(`${path}/${toyCar.id}`)).body).toEqual(toyCar)
//|   const { status, body } = await other.put(`${path}/${toyCar.id}`, newToyCar(await refsOf(other)))
//|   expect([status, body.creator]).toEqual([200, ann.user.id])
//|   expect((await other.delete(`${path}/${toyCar.id}`)).body).toEqual(deleted(body))
//| })
// end

// if under
test('toy cars of one toy box are in no other, and there are none where one sees no toy box', async () => {
  const toyCar = await add()
  const elsewhere = await pathOf(ann)
  expect((await ann.get(elsewhere)).body).toEqual([])
  const missing = path.replace(/\d+/, '2147483647')
  for (const [who, at] of [
    [ann, missing],
    // if hidden
    [bob, path],
    // end
  ] as const) {
    expect((await who.get(at)).status).toBe(404)
    expect(codeOf(await who.post(at, newToyCar()))).toBe(
      roles.atLeast(who.user.role, WRITER) ? 'not_found' : 'insufficient_role',
    )
  }
  for (const at of [elsewhere, missing]) {
    expect((await ann.get(`${at}/${toyCar.id}`)).status).toBe(404)
    expect((await ann.put(`${at}/${toyCar.id}`, newToyCar())).status).toBe(404)
    expect((await ann.delete(`${at}/${toyCar.id}`)).status).toBe(404)
  }
  expect((await ann.get(path)).body).toEqual([toyCar])
})
// end

// if holding
//| test('a toy box that has toy cars is not deleted', async () => {
//|   await add()
//|   const box = eq(toyBoxes.id, Number(path.split('/')[3]))
//|   const error = await app.deps.db.delete(toyBoxes).where(box).catch((thrown: unknown) => refusalOf(thrown))
//|   expect(error).toMatchObject({ status: 409, message: 'It is still referred to' })
//| })
// end
// if ownlist
test('what an account has added is listed over all toy boxes, to itself alone', async () => {
  const elsewhere = await pathOf(ann)
  const { body: other } = await ann.post(elsewhere, newToyCar())
  const toyCar = await add()
  expect((await admin.post(path, newToyCar(/* filesOf(admin.user) */))).status).toBe(201)
  const { body, headers } = await ann.get('/api/toy-cars?count=true')
  expect([body, headers.get('total-count')]).toEqual([[other, toyCar], '2'])
  expect((await ann.get(`/api/toy-cars?toy_box=${other.toy_box}`)).body).toEqual([other])
  expect((await bob.get('/api/toy-cars')).body).toEqual([])
  expect(codeOf(await app.visitor().get('/api/toy-cars'))).toBe('login_required')
  // if soft
  await ann.delete(`${path}/${toyCar.id}`)
  expect((await ann.get('/api/toy-cars')).body).toEqual([other])
  // end
})
// end

test('an admin reads and changes the toy cars of others, which stay theirs', async () => {
  const toyCar = await add()
  expect((await admin.get(path)).body).toEqual([toyCar])
  expect((await admin.get(`${path}/${toyCar.id}`)).body).toEqual(toyCar)
  const changed = await admin.put(`${path}/${toyCar.id}`, newToyCar(/* filesOf(admin.user) */))
  expect([changed.status, changed.body.creator]).toEqual([200, ann.user.id])
  expect((await admin.delete(`${path}/${toyCar.id}`)).body).toEqual(deleted(changed.body))
})

async function programOf(member: Member) {
  const { body } = await member.post('/api/me/tokens', { name: 'program', abilities: ['read', 'write'] })
  return app.visitor({ Authorization: `Bearer ${body.token}` })
}

test('a program of its owner reads what that reads, and writes what needs no admin', async () => {
  const program = await programOf(ann)
  const toyCar = await add()
  expect((await program.get(`${path}/${toyCar.id}`)).status).toBe(200)
  // if privileged
  //| expect(codeOf(await program.put(`${path}/${toyCar.id}`, toyCar))).toBe('token_not_allowed')
  // else
  expect(codeOf(await program.put(`${path}/${toyCar.id}`, toyCar))).toBe(200)
  // end
})

// if owned
test("an admin's program has none of what makes an admin", async () => {
  const program = await programOf(admin)
  const toyCar = await add()
  // if private hidden
  expect((await program.get(path)).status).toBe(404)
  // end
  // if private seen
  //| expect((await program.get(path)).body).toEqual([])
  // end
  // if private
  expect((await program.get(`${path}/${toyCar.id}`)).status).toBe(404)
  // end
  for (const reply of [
    await program.put(`${path}/${toyCar.id}`, {}),
    await program.delete(`${path}/${toyCar.id}`),
  ])
    // if privileged
    //| expect(codeOf(reply)).toBe('token_not_allowed')
    // else
    expect(codeOf(reply)).toBe('not_found')
  // end
  expect((await ann.get(path)).body).toEqual([toyCar])
})
// end

// if src/account/export.ts
test("an account's export holds the toy cars that it added, and nobody else's", async () => {
  const own = [await add(), await add()]
  expect((await admin.post(path, newToyCar(/* filesOf(admin.user) */))).status).toBe(201)
  // if soft
  // What is deleted is still theirs.
  own.push((await ann.delete(`${path}/${(await add()).id}`)).body)
  // end
  const helper = await startTestWorker(app)
  try {
    const { headers } = await ann.post('/api/me/export')
    const { result } = await until('the export', async () => {
      const { body } = await ann.get(headers.get('location') ?? '')
      return body.state === 'done' ? body : undefined
    })
    expect(result.toyCars).toEqual(own)
  } finally {
    await helper.stop()
  }
})
// end

// if cascade
test('when an account is deleted, its toy cars go with it', async () => {
  const toyCar = await add()
  const leaving = await app.member('superuser')
  expect((await leaving.post(path, newToyCar(/* filesOf(leaving.user) */))).body.creator).toBe(
    leaving.user.id,
  )
  await app.deps.db.delete(users).where(eq(users.id, leaving.user.id))
  expect((await admin.get(path)).body).toEqual([toyCar])
})
// else
//| test('when an account is deleted, its toy cars stay, without creator', async () => {
//|   const leaving = await app.member('superuser')
//|   const left = (await leaving.post(path, newToyCar(/* filesOf(leaving.user) */))).body
//|   await app.deps.db.delete(users).where(eq(users.id, leaving.user.id))
//|   expect((await admin.get(path)).body).toEqual([{ ...left, creator: null }])
//| })
// end
