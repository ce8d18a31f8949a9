// The typed client: a TypeScript front-end calls the API by its types alone.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { hc } from 'hono/client'
import type { AppType } from '../src/app.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('inputs and answers are typed, and the calls work', async () => {
  const member = await app.member()
  const api = hc<AppType>(app.url, { headers: { Cookie: `session=${member.cookies.get('session')}` } }).api

  const created = await api.movies.$post({ json: { title: 'Heat', director: 'Michael Mann' } })
  expect(created.status).toBe(201)
  const movie = await created.json()
  const title: string = movie.title // a compile error where inference has failed
  expect(title).toBe('Heat')

  const changed = await api.movies[':id'].$put({ param: { id: movie.id }, json: { director: null } })
  expect((await changed.json()).director).toBeNull()
  const found = await (await api.movies.$get({ query: { search: 'heat', limit: '5' } })).json()
  expect(found.map((m) => m.id)).toEqual([movie.id])
  const { me } = await (await api.me.$get()).json()
  expect(me.email).toBe(member.account.email)
})
