// Conditional writes: whoever goes by an older state of a row than the current one changes nothing.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { createApp } from '../product/app.ts'
import { factory, requireRole } from '../product/product.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { ifMatch } from '../../../src/kit/http/if-match.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let writer: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  writer = await app.member()
})
afterAll(() => app.close())

async function write(text: string) {
  const { body } = await writer.post('/club/notes', { text })
  const path = `/club/notes/${body.id}`
  const { headers } = await writer.get(path)
  return { path, tag: headers.get('etag') ?? '', version: body.version as number }
}

const put = (path: string, text: string, tag: string) => writer.put(path, { text }, { 'If-Match': tag })

test('of two who have read the same state the second one changes nothing, and learns the current state', async () => {
  const { path, tag } = await write('read by both')
  expect(tag).toMatch(/^"1-[a-z0-9]+"$/)
  expect((await put(path, 'the first', tag)).body).toMatchObject({ text: 'the first', version: 2 })
  const late = await put(path, 'the second', tag)
  expect([late.status, late.body.code]).toEqual([412, 'precondition_failed'])
  const now = await writer.get(path)
  expect([now.body.text, now.headers.get('etag')]).toEqual(['the first', late.headers.get('etag')])
  const again = await put(path, 'the second, knowing the first', late.headers.get('etag') ?? '')
  expect(again.status).toBe(200)
})

test('of many at once who have read the same state exactly one wins', async () => {
  const { path, tag } = await write('read by many')
  const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => put(path, `by ${i}`, tag)))
  const won = replies.filter(({ status }) => status === 200)
  expect(won).toHaveLength(1)
  expect(replies.filter(({ status }) => status === 412)).toHaveLength(19)
  const { body } = await writer.get(path)
  expect(body).toMatchObject({ text: won[0]?.body.text, version: 2 })
})

test('without the header, and with *, a row is changed whatever its state; every change counts', async () => {
  const { path } = await write('whatever')
  expect((await writer.put(path, { text: 'a' })).body.version).toBe(2)
  expect((await put(path, 'b', '*')).body.version).toBe(3)
  expect((await writer.delete(path, { 'If-Match': '*' })).status).toBe(200)
  for (const tag of ['*', '"3"']) expect((await put(path, 'c', tag)).status).toBe(404)
})

test('one of several tags is enough; the version in quotes serves as well, from a list for example', async () => {
  const { path, tag, version } = await write('several')
  expect((await put(path, 'a', `"7-other" , ${tag}`)).status).toBe(200)
  expect((await put(path, 'b', `"${version + 1}"`)).status).toBe(200)
  expect((await put(path, 'c', '"3-changed-by-a-proxy-gzip"')).status).toBe(200)
})

test('a tag that is weak, of another form or none at all never matches', async () => {
  const { path, tag } = await write('untouched')
  for (const other of [`W/${tag}`, '"other"', '1', '"99999999999999999999"', '"2"', '""', ','])
    expect([other, (await put(path, 'changed', other)).status]).toEqual([other, 412])
  expect((await writer.get(path)).body).toMatchObject({ text: 'untouched', version: 1 })
})

test('a body that names nothing changes nothing, but says when the row is in another state', async () => {
  const { path, tag } = await write('as it is')
  const reply = await writer.patch(path, {}, { 'If-Match': tag })
  expect([reply.status, reply.body.version]).toEqual([200, 1])
  await writer.put(path, { text: 'changed' })
  expect((await writer.patch(path, {}, { 'If-Match': tag })).status).toBe(412)
})

test('a row is deleted only in the state that was read', async () => {
  const { path, tag } = await write('to be deleted')
  await writer.put(path, { text: 'changed' })
  const late = await writer.delete(path, { 'If-Match': tag })
  expect(late.status).toBe(412)
  expect((await writer.delete(path, { 'If-Match': late.headers.get('etag') ?? '' })).status).toBe(200)
})

test('PATCH does what PUT does, also under its own media type', async () => {
  const { path } = await write('patched')
  const type = { 'Content-Type': 'application/merge-patch+json' }
  const reply = await writer.patch(path, { text: 'by a patch', version: 9 }, type)
  expect(reply.body).toMatchObject({ text: 'by a patch', version: 2 })
  expect((await writer.patch(path, { text: null }, type)).status).toBe(400) // null removes, and it may not go
  const { headers } = await writer.post(path)
  expect(headers.get('allow')).toContain('PATCH')
})

interface Described {
  paths: Record<string, Record<string, { parameters: object[]; responses: object }>>
}

test('a route may insist: without the header 428, and OpenAPI says so', async () => {
  const own = createApp(app.deps)
  const slice = factory
    .createApp()
    .put('/', doc('Insists.', z.array(z.int())), requireRole('writer'), ifMatch({ required: true }), (c) =>
      c.var.respond(c.var.versions ?? []),
    )
  own.route('/insists', slice)
  const send = (headers: Record<string, string>) =>
    own.request('/insists', {
      method: 'PUT',
      headers: { Cookie: `session=${writer.cookies.get('session')}`, ...headers },
    })
  const refused = await send({})
  expect([refused.status, await refused.json()]).toMatchObject([428, { code: 'precondition_required' }])
  expect(await (await send({ 'If-Match': '"4-abc", "12", W/"13"' })).json()).toEqual([4, 12])

  const { paths } = (await (await own.request('/api/openapi.json')).json()) as Described
  const { parameters, responses } = paths['/insists']?.put ?? {}
  expect(parameters).toMatchObject([{ name: 'If-Match', in: 'header', required: true }])
  expect(Object.keys(responses ?? {})).toContainValues(['412', '428'])
  const ofNotes = paths['/club/notes/{id}'] ?? {}
  for (const method of ['put', 'patch', 'delete']) {
    const header = { name: 'If-Match', in: 'header', required: false }
    expect(ofNotes[method]?.parameters).toContainEqual(expect.objectContaining(header))
    expect(Object.keys(ofNotes[method]?.responses ?? {})).not.toContain('428')
  }
})
