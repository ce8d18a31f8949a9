// Conditional requests: what a client has already is not sent again.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { kitRoutes, startApp, type TestApp } from '../support/harness.ts'
import { notes } from '../product/table.ts'

let app: TestApp
let writer: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  writer = await app.member()
})
afterAll(() => app.close())

const write = async (text: string): Promise<string> => {
  const { status, body } = await writer.post('/club/notes', { text })
  expect(status).toBe(201)
  return `/club/notes/${body.id}`
}

const tagOf = async (path: string): Promise<string> => (await writer.get(path)).headers.get('etag') ?? ''

const statusWith = async (path: string, tag: string) =>
  (await writer.get(path, { 'If-None-Match': tag })).status

test('a row or a page that the client has is 304, with the headers of the whole answer and no body', async () => {
  for (const path of [await write('as it was'), '/club/notes?limit=1']) {
    const whole = await writer.get(path)
    const again = await writer.get(path, { 'If-None-Match': whole.headers.get('etag') ?? '' })
    expect([path, again.status, again.text]).toEqual([path, 304, ''])
    for (const name of ['etag', 'link', 'vary', 'cache-control'])
      expect([name, again.headers.get(name)]).toEqual([name, whole.headers.get(name)])
    expect(again.headers.get('cache-control')).toBe('private, no-cache')
  }
})

test('any change of what is sent is another tag', async () => {
  const path = await write('first')
  const before = await tagOf(path)
  await writer.put(path, { text: 'Ünicode 🎬' })
  const after = await tagOf(path)
  expect(await statusWith(path, before)).toBe(200)
  expect(await statusWith(path, after)).toBe(304)
  const id = Number(path.split('/').at(-1))
  const tags = new Set<string>()
  for (let length = 1; length <= 9; length++) {
    await app.deps.db
      .update(notes)
      .set({ text: 'x'.repeat(length), version: 1 })
      .where(eq(notes.id, id))
    tags.add(await tagOf('/club/notes?limit=1'))
  }
  expect(tags.size).toBe(9)
})

test('a page has another tag once there is no next one, though its rows are the same', async () => {
  const path = await write('the last but one, in the end')
  await write('the newest')
  const page = '/club/notes?limit=1'
  const { headers } = await writer.get(page)
  expect(headers.get('link')).toContain('rel="next"')
  const { id } = (await writer.get(page)).body[0]
  await app.deps.db.delete(notes).where(eq(notes.id, Number(path.split('/').at(-1))))
  for (const { id: other } of (await writer.get('/club/notes')).body)
    if (other !== id) await writer.delete(`/club/notes/${other}`)
  const alone = await writer.get(page, { 'If-None-Match': headers.get('etag') ?? '' })
  expect([alone.status, alone.body[0].id, alone.headers.get('link')]).toEqual([200, id, null])
})

test('of several tags one is enough, weak or not, and * is any', async () => {
  const path = await write('several')
  const tag = await tagOf(path)
  expect([tag, await tagOf('/club/notes')]).toEqual([
    expect.stringMatching(/^"1-[a-z0-9]+"$/),
    expect.stringMatching(/^W\/"[a-z0-9]+"$/),
  ])
  expect(await statusWith(path, `"other", ${tag}`)).toBe(304)
  expect(await statusWith(path, `W/${tag}`)).toBe(304)
  expect(await statusWith(path, '*')).toBe(304)
  expect(await statusWith(path, '"other",W/"another"')).toBe(200)
  expect(await statusWith(path, tag.slice(1, -1))).toBe(200) // without quotes it is no tag
  expect(await statusWith('/club/notes/999999', '*')).toBe(404)
})

test('HEAD says the same as GET, with the length', async () => {
  const path = await write('head')
  const { headers, text } = await writer.get(path)
  const head = await writer.send('HEAD', path)
  expect([head.status, head.headers.get('etag')]).toEqual([200, headers.get('etag')])
  expect(head.headers.get('content-length')).toBe(String(text.length))
  const again = await writer.send('HEAD', path, undefined, { 'If-None-Match': headers.get('etag') ?? '' })
  expect(again.status).toBe(304)
})

test('a page that is streamed has one too', async () => {
  const text = 'x'.repeat(450)
  const rows = Array.from({ length: 200 }, () => ({ text, writer: writer.user.id }))
  await app.deps.db.insert(notes).values(rows)
  const whole = await writer.get('/club/notes?limit=200')
  expect(whole.text.length).toBeGreaterThan(64 * 1024)
  expect(await statusWith('/club/notes?limit=200', whole.headers.get('etag') ?? '')).toBe(304)
})

test('a script of another origin may read every header that a route declares', async () => {
  const { headers } = await app.visitor().get('/club/notes', { Origin: 'http://localhost:3000' })
  const exposed = headers.get('access-control-expose-headers')?.toLowerCase().split(',') ?? []
  const declared = kitRoutes().flatMap(({ doc }) => Object.keys(doc?.headers ?? {}))
  expect(declared).toContainValues(['Link', 'ETag'])
  for (const name of declared) expect(exposed).toContain(name.toLowerCase())
})

test('OpenAPI names the header that is sent, the tag and the 304', async () => {
  const { body } = await app.visitor().get('/api/openapi.json')
  const { parameters, responses } = body.paths['/club/notes'].get
  expect(parameters).toContainEqual({
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: expect.stringContaining('304'),
    schema: { type: 'string' },
  })
  expect(responses['200'].headers.ETag.schema).toEqual({ type: 'string' })
  expect(responses['304'].content).toBeUndefined()
  expect(body.paths['/club/notes'].post.responses['304']).toBeUndefined()
})
