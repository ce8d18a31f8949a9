// The channel of one's own account: its pages hear of a login at once, and nobody else does.
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'bun:test'
import { hc, type InferResponseType } from 'hono/client'
import type { AppType } from '../src/app.ts'
import { subscribe } from '../src/kit/channels/client.ts'
import { openStream } from './kit/support/events.ts'
import { until } from './kit/support/until.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('the open pages of an account hear that somebody logs in to it', async () => {
  const ann = await app.member()
  const bob = await app.member()
  const streams = [await openStream(ann, '/api/channels?on=me'), await openStream(bob, '/api/channels?on=me')]
  for (const stream of streams) await until('its position', () => /^id: /m.test(stream.text()))
  const { email, password } = ann.account
  expect((await app.visitor().post('/api/login', { email, password })).status).toBe(200)
  await until('the news', () => streams[0]?.events().length === 1)
  expect(streams[0]?.events()).toEqual([
    { type: 'session.started', at: expect.any(String), ip: expect.any(String) },
  ])
  await bob.post('/api/login', { email: bob.account.email, password: bob.account.password })
  await until('his own', () => (streams[1]?.events().length ?? 0) > 0)
  expect([streams[0]?.events().length, streams[1]?.events().length]).toEqual([1, 1])
  for (const stream of streams) stream.leave()
})

test('neither a personal access token nor whoever acts as the account hears it', async () => {
  const ann = await app.member()
  const { body } = await ann.post('/api/me/tokens', {
    name: 'script',
    abilities: ['read'],
    password: ann.account.password,
  })
  expect(body.token).toBeString()
  const script = app.visitor({ Authorization: `Bearer ${body.token}` })
  expect((await script.get('/api/channels?on=me')).status).toBe(404)
  const boss = await app.member('superuser')
  const acting = await boss.post(`/api/users/${ann.user.id}/impersonate`, {})
  expect(acting.status).toBe(200)
  expect((await boss.get('/api/channels?on=me')).status).toBe(404)
})

test('the typed client knows what each channel tells, and hears it', async () => {
  const ann = await app.member()
  const { api } = hc<AppType>(app.url)
  type Events = InferResponseType<typeof api.channels.$get>
  const heard: string[] = []
  const init = { headers: { Cookie: `session=${ann.cookies.get('session')}` } }
  let isOpen = false
  const stop = subscribe<Events>(
    `${app.url}/api/channels`,
    {
      me(event) {
        expectTypeOf(event).toEqualTypeOf<{ type: 'session.started'; at: string; ip: string }>()
        heard.push(event.type)
      },
    },
    {
      init,
      async fetch(url, how) {
        const response = await fetch(url, how)
        isOpen = response.ok
        return response
      },
    },
  )
  // @ts-expect-error there is no such channel
  subscribe<Events>(`${app.url}/api/channels`, { you: () => {} }, { init })()
  await until('the stream', () => isOpen)
  const { email, password } = ann.account
  await until('the news of a login', async () => {
    await app.visitor().post('/api/login', { email, password })
    return heard.length > 0
  })
  expect(heard[0]).toBe('session.started')
  stop()
})
