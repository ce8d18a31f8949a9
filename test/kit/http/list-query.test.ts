// The query of a list over HTTP: its orders, filters, cursors both ways and its count, and what it says about them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { openApi } from '../../../src/kit/reference/openapi.ts'
import { notes } from '../product/table.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
let writer: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  boss = await app.member('owner')
  writer = await app.member('writer')
  for (let n = 0; n < 6; n++)
    await app.deps.db.insert(notes).values({
      text: `Note ${n}`,
      writer: n % 2 ? writer.user.id : boss.user.id,
      written: new Date(Date.UTC(2026, 0, 1 + n)),
    })
})
afterAll(() => app.close())

const textsOf = async (query: string) => {
  const { status, body } = await boss.get(`/club/notes?${query}`)
  return status === 200 ? body.map(({ text }: { text: string }) => text.at(-1)).join('') : body
}
const linkOf = async (rel: string, query: string) => {
  const { headers } = await boss.get(`/club/notes?${query}`)
  return new RegExp(`<\\?([^>]*)>; rel="${rel}"`).exec(headers.get('link') ?? '')?.[1] ?? ''
}

test('a list has its own order, the other way round, and the others that it declares', async () => {
  expect(await textsOf('')).toBe('543210')
  expect(await textsOf('sort=')).toBe('543210')
  expect(await textsOf('sort=-written')).toBe('543210')
  expect(await textsOf('sort=written')).toBe('012345')
  expect(await textsOf('sort=id')).toBe('012345')
  expect(await textsOf('sort=-id&limit=2')).toBe('54')
})

test('an unknown order is refused, with the nearest', async () => {
  const message = 'is no order of this list: did you mean written?'
  expect(await textsOf('sort=writen')).toMatchObject({
    err: `400: sort: ${message}`,
    code: 'invalid_request',
    issues: [{ path: 'sort', message }],
  })
  for (const sort of ['text', 'secret', 'writer', 'written,id', '--written', 'id&sort=id'])
    expect(await textsOf(`sort=${sort}`)).toMatchObject({
      code: 'invalid_request',
      issues: [{ path: 'sort' }],
    })
})

test('a filter that is declared narrows the list, with orders and searches; this list ignores what is not declared', async () => {
  expect(await textsOf(`writer=${writer.user.id}`)).toBe('531')
  expect(await textsOf(`writer=${writer.user.id}&sort=written`)).toBe('135')
  expect(await textsOf(`writer=${writer.user.id}&search=note 3`)).toBe('3')
  expect(await textsOf('writer=')).toBe('543210')
  expect(await textsOf('writer=me')).toMatchObject({
    issues: [{ path: 'writer', message: 'must be a UUID' }],
  })
  expect(await textsOf('text=Note 3&written[gte]=2027-01-01T00:00:00Z')).toBe('543210')
})

test('what the query of a list does not take is refused, with the nearest word: it would show rows that were not asked for', async () => {
  const { status, body } = await boss.get('/club/members?limit=1&serach=ann')
  const message = expect.stringMatching(
    /^The query has a word that this list does not take: there are page, limit/,
  )
  expect([status, body.code, body.issues]).toEqual([400, 'invalid_request', [{ path: '', message }]])
  const near = await boss.get('/club/members?sorted=id')
  expect(near.body.err).toEndWith('did you mean sort?')
  for (const key of ['rank', 'rank[gt]', '__proto__', 'constructor'])
    expect([key, (await boss.get(`/club/members?${encodeURIComponent(key)}=1`)).status]).toEqual([key, 400])
})

test('prev by cursor leads back, also past what came meanwhile', async () => {
  const second = await linkOf('next', 'sort=written&limit=2')
  const third = await linkOf('next', second)
  expect(await textsOf(third)).toBe('45')
  const back = await linkOf('prev', third)
  expect(back).toMatch(/^sort=written&limit=2&page=2&before=[\w-]+$/)
  expect(await textsOf(back)).toBe('23')
  expect(await textsOf(await linkOf('next', back))).toBe('45')
  expect(await textsOf(await linkOf('prev', back))).toBe('01')
  expect(await linkOf('prev', await linkOf('prev', back))).toBe('')
  expect(await linkOf('first', back)).toBe('sort=written&limit=2&page=1')
  expect(await textsOf(back.replace(/&before=.*/, ''))).toBe('23')
})

test('of its own order a cursor is the position alone', async () => {
  const next = await linkOf('next', 'limit=1')
  const [newest] = (await boss.get('/club/notes?limit=1')).body
  const cursor = new URLSearchParams(next).get('cursor') ?? ''
  expect(atob(cursor)).toBe(JSON.stringify(['2026-01-06T00:00:00.000000Z', String(newest.id)]))
})

test('a cursor that does not fit the order has a code of its own', async () => {
  const next = await linkOf('next', 'limit=1')
  for (const query of [
    `${next}&sort=written`,
    `${next}&sort=id`,
    next.replace('cursor', 'before') + '&sort=-id',
  ])
    expect(await textsOf(query)).toMatchObject({ code: 'invalid_cursor', issues: [{ path: 'cursor' }] })
})

test('the count comes when it is asked for, as a header, of all rows that the query means', async () => {
  const countOf = async (query: string) => (await boss.get(`/club/notes?${query}`)).headers.get('total-count')
  expect(await countOf('')).toBeNull()
  expect(await countOf('count=false')).toBeNull()
  expect(await countOf('count=true&limit=1')).toBe('6')
  expect(await countOf(`count=true&page=9&writer=${writer.user.id}`)).toBe('3')
  expect(await countOf('count=true&search=note 3')).toBe('1')
  expect((await boss.get('/club/notes?count=yes')).status).toBe(400)
})

test('what a query takes is described', () => {
  const routes = describeRoutes(app.app)
  const document = openApi(routes, {
    title: '',
    version: '',
    description: '',
    license: '',
    groups: {},
    cookie: '',
  })
  const { parameters, responses, ...rest } = JSON.parse(JSON.stringify(document.paths['/club/notes']?.get))
  expect(rest.operationId).toBe('getClubNotes')
  const sent = parameters.filter((each: { in: string }) => each.in === 'query')
  const byName = Object.fromEntries(sent.map((each: { name: string }) => [each.name, each]))
  expect(Object.keys(byName)).toEqual([
    'page',
    'limit',
    'size',
    'cursor',
    'before',
    'sort',
    'count',
    'search',
    'writer',
  ])
  expect(byName.sort.schema.enum).toEqual(['-written', 'written', 'id', '-id'])
  expect(byName.sort.description).toBe(
    'The order; `-` is the other way round. `-written` if it is not named.',
  )
  expect(byName.search.description).toBe('Part of `text`, in any case.')
  expect(byName.writer.schema).toMatchObject({ type: 'string', format: 'uuid' })
  expect(Object.keys(responses['200'].headers)).toEqual(expect.arrayContaining(['Link', 'Total-Count']))
})
