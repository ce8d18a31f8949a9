// The sample resource, as its clients use it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/account/table.ts'
import { movies } from '../src/movies/table.ts'
import type { Reply } from './kit/support/client.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { until } from './kit/support/until.ts'
import { startTestWorker } from './support/worker.ts'

let app: TestApp
let editor: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  editor = await app.member()
})
afterAll(() => app.close())
beforeEach(async () => {
  await app.deps.db.delete(movies)
})

const titles = async (query: string) => {
  const reply = await app.visitor().get(`/api/movies/${query}`)
  return reply.status === 200 ? reply.body.map((m: { title: string }) => m.title) : reply.status
}
const add = async (title: string, director?: string | null) =>
  (await editor.post('/api/movies/', { title, director })).body

test('a movie is created by its title alone, and belongs to its creator', async () => {
  const { status, body } = await editor.post('/api/movies/', { title: 'Heat' })
  expect(status).toBe(201)
  expect(body).toEqual({
    id: expect.stringMatching(/^\d+$/),
    title: 'Heat',
    director: null,
    creator: editor.user.id,
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    modified: expect.stringMatching(/Z$/),
  })
  expect((await app.visitor().get(`/api/movies/${body.id}`)).body).toEqual(body)
})

test('the bodies that existing clients send are taken', async () => {
  const blank = await editor.post('/api/movies/', { title: 'Ran', director: '', id: '' })
  expect([blank.status, blank.body.director]).toEqual([201, ''])
  const whole = await editor.put(`/api/movies/${blank.body.id}`, {
    ...blank.body,
    title: 'Ran!',
    creator: null,
  })
  expect([whole.status, whole.body.title, whole.body.creator]).toEqual([200, 'Ran!', editor.user.id])
  const nulls = await editor.put(`/api/movies/${blank.body.id}`, { ...whole.body, director: null })
  expect([nulls.status, nulls.body.director]).toEqual([200, null])
})

test('ids, dates, the creator and unknown keys in a body are ignored, whatever they are', async () => {
  const noise = { id: { a: 1 }, created: 'yesterday', modified: 5, creator: [], director: 'Kurosawa', x: 1 }
  const { status, body } = await editor.post('/api/movies/', { title: 'Ikiru', ...noise })
  expect([status, body.director, body.creator]).toEqual([201, 'Kurosawa', editor.user.id])
})

test('a partial body changes only what it names', async () => {
  const movie = await add('Matrix', 'Lana Wachowsk')
  const { status, body } = await editor.put(`/api/movies/${movie.id}`, { director: 'Lana Wachowski' })
  expect(status).toBe(200)
  expect(body).toEqual({ ...movie, director: 'Lana Wachowski', modified: body.modified })
  expect(Date.parse(body.modified)).toBeGreaterThanOrEqual(Date.parse(movie.modified))
})

test('a body that names nothing changes nothing', async () => {
  const movie = await add('Alien')
  const reply = await editor.put(`/api/movies/${movie.id}`, { unknown: 1 })
  expect([reply.status, reply.body]).toEqual([200, movie])
})

test('a deletion returns the movie that was', async () => {
  const movie = await add('Gone')
  const reply = await editor.delete(`/api/movies/${movie.id}`)
  expect([reply.status, reply.body]).toEqual([200, movie])
  expect((await app.visitor().get(`/api/movies/${movie.id}`)).status).toBe(404)
  expect((await editor.delete(`/api/movies/${movie.id}`)).status).toBe(404)
  expect((await editor.put(`/api/movies/${movie.id}`, { title: 'x' })).status).toBe(404)
  expect((await editor.put(`/api/movies/${movie.id}`, {})).status).toBe(404)
})

test('the list is in order of id, by pages that count from 1', async () => {
  for (const title of ['a', 'b', 'c', 'd', 'e']) await add(title)
  expect(await titles('')).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(await titles('?limit=2')).toEqual(['a', 'b'])
  expect(await titles('?page=2&size=2')).toEqual(['c', 'd'])
  expect(await titles('?page=0&limit=2')).toEqual(['a', 'b'])
  expect(await titles('?page=2&limit=2')).toEqual(['c', 'd'])
  expect(await titles('?page=3&limit=2')).toEqual(['e'])
  expect(await titles('?page=4&limit=2')).toEqual([])
  expect(await titles('?page=&limit=&search=&creator=')).toHaveLength(5)
  expect(await titles('?page=100')).toEqual([])
})

test.each([
  'page=-1',
  'page=x',
  'page=1.5',
  'page=99999999999999999999',
  'page=101',
  'page=2147483647',
  'page=50001&limit=2',
  'limit=0',
  'limit=1001',
  'limit=-5',
  'limit=1e3',
  'creator=me',
  'cursor=x',
  `cursor=${btoa('"0"')}`,
  `cursor=${btoa('"2147483648"')}`,
  `cursor=${btoa('["2026-01-02T03:04:05.000000Z"]')}`,
  'page=1&page=2',
])('a list with %s is 400', async (query) => {
  expect(await titles(`?${query}`)).toBe(400)
})

test('a cursor goes on within the filters of its list', async () => {
  const other = await app.member()
  const creators = [editor.user.id, other.user.id, null]
  const rows = Array.from({ length: 60 }, (_, n) => ({
    title: n % 2 ? `Odd ${n}` : `Even ${n}`,
    director: n % 5 ? null : 'Odd, too',
    creator: creators[n % 3] ?? null,
  }))
  await app.deps.db.insert(movies).values(rows)
  const mine = `creator=${editor.user.id}`
  for (const filter of ['', 'search=odd', 'search=o', mine, `${mine}&search=odd`]) {
    const all = await titles(`?${filter}`)
    expect(all.length).toBeGreaterThan(5)
    const seen: string[] = []
    let query: string | undefined = `?limit=3&${filter}`
    while (query !== undefined) {
      const reply: Reply = await app.visitor().get(`/api/movies/${query}`)
      seen.push(...reply.body.map((m: { title: string }) => m.title))
      query = /<([^>]*)>; rel="next"/.exec(reply.headers.get('link') ?? '')?.[1]?.replace(/&page=\d+/, '')
    }
    expect([filter, seen]).toEqual([filter, all])
  }
})

test('a search finds part of the title or of the director, in any case', async () => {
  await add('Forrest Gump', 'Robert Zemeckis')
  await add('Matrix', 'Lana Wachowski')
  await add('ÅNGSTRÖM', null)
  expect(await titles('?search=matrix')).toEqual(['Matrix'])
  expect(await titles('?search=S')).toEqual(['Forrest Gump', 'Matrix', 'ÅNGSTRÖM'])
  expect(await titles('?search=zemeck')).toEqual(['Forrest Gump'])
  expect(await titles(`?search=${encodeURIComponent('ångström')}`)).toEqual(['ÅNGSTRÖM'])
})

test('% and _ and \\ in a search mean themselves', async () => {
  await add('100% Wolf')
  await add('snake_case')
  await add('back\\slash')
  await add('plain')
  expect(await titles('?search=%25')).toEqual(['100% Wolf'])
  expect(await titles('?search=_')).toEqual(['snake_case'])
  expect(await titles('?search=%5C')).toEqual(['back\\slash'])
})

test('the list can be narrowed to a creator', async () => {
  const other = await app.member()
  await add('mine')
  await other.post('/api/movies/', { title: 'theirs' })
  expect(await titles(`?creator=${other.user.id}`)).toEqual(['theirs'])
  expect(await titles(`?creator=${crypto.randomUUID()}`)).toEqual([])
})

test.each(['0', '-1', 'abc', '1.5', '01', '2147483648', '99999999999999', '%00', 'null', '1%20'])(
  'an id that is none is not found: %s',
  async (id) => {
    expect((await app.visitor().get(`/api/movies/${id}`)).status).toBe(404)
    expect((await editor.put(`/api/movies/${id}`, { title: 'x' })).status).toBe(404)
    expect((await editor.delete(`/api/movies/${id}`)).status).toBe(404)
  },
)

test('a movie outlives its creator', async () => {
  const leaver = await app.member()
  const { body } = await leaver.post('/api/movies/', { title: 'Legacy' })
  await app.deps.db.delete(users).where(eq(users.id, leaver.user.id))
  expect((await app.visitor().get(`/api/movies/${body.id}`)).body.creator).toBeNull()
})

test('writing takes an editor, reading takes nobody', async () => {
  const movie = await add('Public')
  const visitor = app.visitor()
  expect((await visitor.get(`/api/movies/${movie.id}`)).status).toBe(200)
  expect((await visitor.post('/api/movies/', { title: 'x' })).status).toBe(401)
  expect((await visitor.put(`/api/movies/${movie.id}`, { title: 'x' })).status).toBe(401)
  expect((await visitor.delete(`/api/movies/${movie.id}`)).status).toBe(401)
})

test('a session whose account is gone cannot write, and ends', async () => {
  const ghost = await app.member()
  await app.deps.db.delete(users).where(eq(users.id, ghost.user.id))
  const reply = await ghost.post('/api/movies/', { title: 'By a ghost' })
  expect([reply.status, ghost.cookies.size]).toEqual([401, 0])
  expect(await titles('')).toEqual([])
})

test('the collection answers with and without its slash, without a redirect', async () => {
  for (const path of ['/api/movies', '/api/movies/']) {
    expect([path, (await app.visitor().get(path)).status]).toEqual([path, 200])
  }
})

test("an account's export holds the movies that it added, all of them, and nobody else's", async () => {
  const other = await app.member()
  await other.post('/api/movies/', { title: 'Ran' })
  const rows = Array.from({ length: 450 }, (_, n) => ({ title: `Film ${n}`, creator: editor.user.id }))
  await app.deps.db.insert(movies).values(rows)
  const worker = await startTestWorker(app)
  try {
    const reply = await editor.post('/api/me/export')
    const { result } = await until('the export', async () => {
      const { body } = await editor.get(reply.headers.get('location') ?? '')
      return body.state === 'done' ? body : undefined
    })
    const own = (await app.visitor().get(`/api/movies/?creator=${editor.user.id}`)).body
    expect(own).toHaveLength(450)
    expect(result.movies).toEqual(own)
  } finally {
    await worker.stop()
  }
})
