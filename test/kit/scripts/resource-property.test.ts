// A resource with every type, bound and rule, as the generator writes it, beside a model of it in memory: whatever is sent, both
// come to the same. PROPERTY_SEED=7 PROPERTY_RUNS=2000 looks elsewhere, and longer.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ACCESS_OPTIONS, readAccess } from '../../../scripts/new/access.ts'
import { parseNames } from '../../../scripts/new/names.ts'
import type { Client, Reply } from '../support/client.ts'
import { FLAWLESS, redocly } from '../support/redocly.ts'
import { spoiledJson } from '../support/arbitraries.ts'
import { FIELDS, type Field, iso, span } from './every-type.ts'
import { fillInFolder } from './filled-template.ts'

const { PROPERTY_SEED = '1', PROPERTY_RUNS = '200' } = process.env
const [SEED, RUNS] = [Number(PROPERTY_SEED), Number(PROPERTY_RUNS)]

const RULES = ['check(ends > starts)', 'exclude(room, starts..ends)', 'unique(all,room,day,at)']

type Row = Record<string, unknown> & { id: string; creator: string; version: number }
type Body = Record<string, unknown>
type Person = Client & { user: { id: string } }

const PATH = '/api/entries'
let filled: ReturnType<typeof fillInFolder>
let app: { close(): Promise<void>; member(role?: string): Promise<Person> }
let ann: Person
let bob: Person
let admin: Person
let rooms: string[]
/** Of the owned resource, by who has made it: nobody else sees it. */
let crates: Map<Person, string>
/** What is stored, and what is deleted and can be restored, by id. */
const model = new Map<string, Row>()
const deleted = new Map<string, Row>()
const others = (id?: string) => [...model.values()].filter((row) => row.id !== id)

const accessBy = (...args: string[]) => readAccess('', parseArgs({ args, options: ACCESS_OPTIONS }).values)

beforeAll(async () => {
  const specs = Object.entries(FIELDS).map(([name, { spec }]) => `${name}:${spec}`)
  filled = fillInFolder([
    { names: parseNames('room'), fields: ['name:string'], access: accessBy('--shared') },
    { names: parseNames('crate'), fields: ['name:string'], access: accessBy() },
    {
      names: parseNames('entry'),
      fields: [...specs, 'room:ref(room)', 'crate:ref(crate)?', 'partner:account?', ...RULES],
      access: accessBy('--bulk', '--soft-delete'),
    },
  ])
  const harness = (await import(join(filled.root, 'test/support/harness.ts'))) as {
    startApp(): Promise<typeof app>
  }
  app = await harness.startApp()
  ;[ann, bob, admin] = [await app.member(), await app.member(), await app.member('admin')]
  const make = async (by: Person, path: string) => (await by.post(path, { name: 'one' })).body.id as string
  rooms = [await make(admin, '/api/rooms'), await make(admin, '/api/rooms')]
  crates = new Map([
    [ann, await make(ann, '/api/crates')],
    [bob, await make(bob, '/api/crates')],
  ])
})
afterAll(async () => {
  await app.close()
  filled.remove()
})

/** A valid body, with some of the fields that need not be there. */
function bodyBy(person: Person): fc.Arbitrary<Body> {
  const optional = (field: Field) => field.fallback === null
  const fields = Object.entries(FIELDS).map(
    ([name, field]) => [name, optional(field) ? fc.option(field.sent, { freq: 4 }) : field.sent] as const,
  )
  const all = fc.record<Body>(
    {
      ...(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>),
      room: fc.constantFrom(...rooms),
      crate: fc.option(fc.constant(crates.get(person))),
      partner: fc.option(fc.constantFrom(ann.user.id, bob.user.id.toUpperCase())),
    },
    { requiredKeys: ['title', 'starts', 'ends', 'tags', 'room'] },
  )
  return fc.tuple(all, span).map(([body, range]) => ({ ...body, ...range }))
}

/** What a body of valid values is stored as. */
const storedOf = (body: Body): Body =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const { stored = (same: never): unknown => same } = FIELDS[name] ?? {}
      if (name === 'partner' && typeof value === 'string') return [name, value.toLowerCase()]
      return [name, value === null ? null : stored(value as never)]
    }),
  )
const fallbacks = (): Body => ({
  ...Object.fromEntries(Object.entries(FIELDS).map(([name, { fallback }]) => [name, fallback])),
  crate: null,
  partner: null,
})

const hasOrder = ({ starts, ends }: Body) => String(ends) > String(starts)

/** The codes with which a row may be refused beside others; none: it is taken. */
function refusalsOf(row: Body, others: Body[]): string[] {
  const isSame = (other: Body, ...names: string[]) =>
    names.every((name) => row[name] !== null && other[name] === row[name])
  const [starts = '', ends = ''] = [row.starts, row.ends] as string[]
  return [
    others.some((other) => isSame(other, 'creator', 'code') || isSame(other, 'room', 'day', 'at')) &&
      'already_exists',
    others.some(
      (other) => isSame(other, 'room') && String(other.starts) < ends && starts < String(other.ends),
    ) && 'exclusion_violation',
  ].filter((code) => code !== false)
}

const codeOf = ({ status, body }: Reply): string => (status < 300 ? 'ok' : String(body?.code))

const WORDS = [
  'create',
  'create',
  'change',
  'change',
  'create wrongly',
  'change wrongly',
  'refer to nothing',
  'delete',
  'batch',
  'restore',
] as const
const NAMES = [...Object.keys(FIELDS), 'room', 'crate', 'partner']

/** Each has all that any of them needs. */
const stepBy = (by: Person) =>
  fc.record({
    by: fc.constant(by),
    does: fc.constantFrom(...WORDS),
    row: fc.nat(1000),
    body: bodyBy(by),
    second: bodyBy(by),
    names: fc.subarray(NAMES),
    fault: fc
      .constantFrom(...Object.entries(FIELDS))
      .chain(([name, { refused }]) => fc.constantFrom(...refused.map((value) => ({ [name]: value })))),
    nothing: fc.constantFrom<Body>(
      { room: '999999' },
      { crate: crates.get(by === ann ? bob : ann) },
      { partner: crypto.randomUUID() },
    ),
  })
type Step = ReturnType<typeof stepBy> extends fc.Arbitrary<infer S> ? S : never

const nthOf = (rows: Row[], n: number) => rows[n % Math.max(rows.length, 1)]

function remove(row: Row): void {
  model.delete(row.id)
  deleted.set(row.id, row)
}

/** Does a step, and has the model do it. @returns the answer, and the codes that the model expects */
async function take({
  by,
  does,
  row: n,
  body,
  second,
  names,
  fault,
  nothing,
}: Step): Promise<[Reply, string[]]> {
  const all = [...model.values()]
  const before = nthOf(n % 4 === 0 ? all : all.filter(({ creator }) => creator === by.user.id), n)
  const path = `${PATH}/${before?.id ?? 1}`
  const isOwn = before?.creator === by.user.id
  if (does === 'create wrongly') return [await by.post(PATH, { ...body, ...fault }), ['invalid_request']]
  if (does === 'change wrongly') return [await by.patch(path, fault), ['invalid_request']]
  if (does === 'delete') {
    const reply = await by.delete(path)
    if (!isOwn) return [reply, ['not_found']]
    remove(before)
    return [reply, ['ok']]
  }
  if (does === 'restore') {
    const row = nthOf([...deleted.values()], n)
    const reply = await by.post(`${PATH}/${row?.id ?? 1}/restore`)
    return [reply, row?.creator === by.user.id ? settle(reply, row, true) : ['not_found']]
  }
  const row = { ...fallbacks(), ...storedOf(body), creator: by.user.id }
  if (does === 'batch') {
    const rows = [row, { ...fallbacks(), ...storedOf(second), creator: by.user.id }]
    const reply = await by.patch(PATH, { delete: [before?.id ?? '1'], create: [body, second] })
    if (!rows.every(hasOrder)) return [reply, ['invalid_request']]
    if (!isOwn) return [reply, ['not_found']]
    const beside = others(before.id)
    const refusals = rows.map((each) => refusalsOf(each, [...beside, ...rows.slice(0, rows.indexOf(each))]))
    const first = refusals.find((codes) => codes.length > 0)
    if (first || codeOf(reply) !== 'ok') return [reply, first ?? ['ok']]
    remove(before)
    const { created } = reply.body as { created: Row[] }
    expect(created.map(sentOf)).toEqual(rows.map(sentOf))
    for (const each of created) model.set(each.id, each)
    return [reply, ['ok']]
  }
  if (does === 'change') {
    const part = Object.fromEntries(names.filter((name) => name in body).map((name) => [name, body[name]]))
    const isWhole = 'starts' in part && 'ends' in part
    const reply = await by.patch(path, part)
    if (isOwn) return [reply, settle(reply, { ...before, ...storedOf(part) }, isWhole, before.id)]
    return [reply, isWhole && !hasOrder(storedOf(part)) ? ['invalid_request'] : ['not_found']]
  }
  if (does === 'create') {
    const reply = await by.post(PATH, body)
    return [reply, settle(reply, row, true)]
  }
  return [
    await by.post(PATH, { ...body, ...nothing }),
    [hasOrder(row) ? 'foreign_key_violation' : 'invalid_request'],
  ]
}

/** What the model expects of a write; a row that is taken must be what the model holds, and is kept. */
function settle(reply: Reply, row: Body, isWhole: boolean, id?: string): string[] {
  const refusals = refusalsOf(row, others(id))
  if (!hasOrder(row)) return isWhole ? ['invalid_request'] : ['check_violation', ...refusals]
  if (refusals.length > 0) return refusals
  if (codeOf(reply) === 'ok') {
    expect(sentOf(reply.body as Row)).toEqual(sentOf(row))
    model.set(reply.body.id, reply.body)
    deleted.delete(reply.body.id)
  }
  return ['ok']
}

/** The server's own: nobody sends them. */
const OWN = ['id', 'version', 'created', 'modified', 'deleted']
const sentOf = (row: Body): Body =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !OWN.includes(name)))

test('whatever is sent is stored in its canonical form, or refused and not stored', async () => {
  const steps = fc.constantFrom(ann, bob).chain(stepBy)
  for (const step of fc.sample(steps, { seed: SEED, numRuns: RUNS })) {
    const [reply, expected] = await take(step)
    expectOne(codeOf(reply), expected, { ...step, by: step.by === ann ? 'ann' : 'bob' }, reply)
  }
  expect(await everything()).toEqual(byId([...model.values()]))
  expect(model.size).toBeGreaterThan(10)
})

function expectOne(is: string, expected: string[], sent: unknown, { status, text }: Reply): void {
  if (!expected.includes(is))
    throw new Error(`${JSON.stringify(sent)} is answered ${status} ${text}, and not ${expected.join(' or ')}`)
}

const byId = (rows: Row[]) => rows.toSorted((a, b) => Number(a.id) - Number(b.id))

/** All rows, as an admin sees them, by following `next`. @param query begins with `?` */
async function list(query: string, by = admin): Promise<Row[]> {
  const rows: Row[] = []
  let path: string | undefined = PATH + query
  while (path !== undefined) {
    const { status, body, headers }: Reply = await by.get(path)
    expect([path, status]).toEqual([path, 200])
    rows.push(...(body as Row[]))
    const next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
    path = next && new URL(next, by.url + PATH).href.slice(by.url.length)
  }
  return rows
}
const everything = async () => byId(await list('?sort=id&limit=200'))

test('whatever else is sent is no fault of the server, and what it takes is whole', async () => {
  for (const text of fc.sample(spoiledJson(bodyBy(ann)), { seed: SEED, numRuns: RUNS >> 1 })) {
    const reply = await ann.post(PATH, text)
    expectOne(String(reply.status), ['201', '400', '409', '413'], text, reply)
    if (reply.status === 201) model.set(reply.body.id, reply.body)
  }
  expect(await everything()).toEqual(byId([...model.values()]))
  expectConstraints()
})

/** Of the whole model. */
function expectConstraints(): void {
  for (const row of model.values())
    expect([row, hasOrder(row), refusalsOf(row, others(row.id))]).toEqual([row, true, []])
}

test('of what is sent at once only what goes together is stored', async () => {
  const bodies = fc.sample(bodyBy(ann), { seed: SEED, numRuns: 20 }).flatMap((body, i) => {
    const starts = iso(`2027-01-01T0${i % 3}:00:00Z`)
    return ['a', 'k', null].map((code) => ({
      ...body,
      code,
      crate: null,
      starts,
      ends: iso('2027-01-01T09:00:00Z'),
    }))
  })
  const replies = await Promise.all(bodies.map((body, i) => (i % 2 ? ann : bob).post(PATH, body)))
  for (const reply of replies) {
    expect(codeOf(reply)).toBeOneOf(['ok', 'already_exists', 'exclusion_violation'])
    if (reply.status === 201) model.set(reply.body.id, reply.body)
  }
  expect(replies.filter(({ status }) => status === 201).length).toBeWithin(1, rooms.length + 1)
  expect(await everything()).toEqual(byId([...model.values()]))
  expectConstraints()
})

const ORDERS = ['id', 'guests', 'price', 'starts', 'day']

test('a list is filtered, sorted and paged as the model is', async () => {
  const query = fc.record({
    order: fc.constantFrom(...ORDERS.flatMap((name) => [name, `-${name}`])),
    filter: fc.constantFrom(
      '',
      'surface=clay',
      'tags=red',
      'guests=2',
      `room=${rooms[0]}`,
      'starts[gte]=2026-01-05T00:00:00Z',
      'price[lt]=50',
      'day[gte]=2026-01-10',
    ),
    limit: fc.integer({ min: 3, max: 40 }),
    by: fc.constantFrom(ann, admin),
  })
  for (const { order, filter, limit, by } of fc.sample(query, { seed: SEED, numRuns: 30 })) {
    const found = await list(`?sort=${order}&limit=${limit}${filter && `&${filter}`}`, by)
    expect([order, filter, limit, found.map(({ id }) => id)]).toEqual([
      order,
      filter,
      limit,
      listed(order, filter, by),
    ])
  }
})

/** The ids of the model's rows in this order. */
function listed(order: string, filter: string, by: Person): string[] {
  const [, name = '', bound, value = ''] = /^(\w+)(?:\[(gte|lt)\])?=(.*)$/.exec(filter) ?? []
  const wanted = comparable(name, name === 'starts' ? iso(value) : value)
  const isListed = (row: Row) => {
    if (by !== admin && row.creator !== by.user.id) return false
    if (filter === '') return true
    if (name === 'tags') return (row.tags as string[]).includes(value)
    const own = comparable(name, row[name])
    if (row[name] === null) return false
    return bound === 'gte' ? own >= wanted : bound === 'lt' ? own < wanted : own === wanted
  }
  const field = order.replace('-', '')
  const turn = order.startsWith('-') ? -1 : 1
  const rows = [...model.values()].filter(isListed).toSorted((a, b) => {
    const [one, other] = [comparable(field, a[field]), comparable(field, b[field])]
    return turn * (one === other ? Number(a.id) - Number(b.id) : one < other ? -1 : 1)
  })
  return rows.map(({ id }) => id)
}

/** Comes last where it is empty. */
const comparable = (name: string, value: unknown): string | number => {
  if (['id', 'guests', 'price'].includes(name)) return Number(value)
  return (value as string | null) ?? '~'
}

test('redocly has nothing to say against its description', async () => {
  expect(await redocly((await admin.get('/api/openapi.json')).body)).toEqual(FLAWLESS)
})
