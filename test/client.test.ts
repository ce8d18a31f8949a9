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
  const member = await app.member('superuser')
  const api = hc<AppType>(app.url, { headers: { Cookie: `session=${member.cookies.get('session')}` } }).api

  const list = await api.users.$get({ query: { search: member.account.lname, size: '5' } })
  expect(list.status).toBe(200)
  const [found] = await list.json()
  const name: string | undefined = found?.fullname // a compile error where inference has failed
  expect(name).toBe('Ann Lee')
  const { me } = await (await api.me.$get()).json()
  expect(me.email).toBe(member.account.email)
  const json = { email: member.account.email, password: member.account.password }
  expect((await api.login.$post({ json })).status).toBe(200)
})
