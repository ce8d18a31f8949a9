// The typed client: a TypeScript front-end calls the API by its types alone. A line below that compiles when it should
// not, or the other way round, is found by `npm run check`.
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'bun:test'
import { hc } from 'hono/client'
import type { AppType } from '../src/app.ts'
import { describeRoutes, errorsOf } from '../src/kit/http/doc.ts'
import { itemsOf } from '../src/kit/reference/list-items.ts'
import type { Role } from '../src/account/roles.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

async function login() {
  const member = await app.member('superuser')
  const { api } = hc<AppType>(app.url, { headers: { Cookie: `session=${member.cookies.get('session')}` } })
  return { api, account: member.account }
}

test('inputs and answers are typed, and the calls work', async () => {
  const { api, account } = await login()

  const list = await api.users.$get({ query: { search: account.lname, size: '5' } })
  expect(list.status).toBe(200)
  const [found] = await list.json()
  expectTypeOf(found).toEqualTypeOf<User | undefined>()
  expect(found?.fullname).toBe('Ann Lee')

  const sorted = await api.users.$get({ query: { sort: '-created', count: 'true', limit: '1' } })
  expect([sorted.status, sorted.headers.has('total-count')]).toEqual([200, true])

  const { me } = await (await api.me.$get()).json()
  expectTypeOf(me).toEqualTypeOf<User>()
  expect(me.email).toBe(account.email)
  expect(Number.isNaN(Date.parse(me.created))).toBe(false)

  const again = await api.login.$post({ json: { email: account.email, password: account.password } })
  expectTypeOf(again.status).toEqualTypeOf<200>()
  expect(again.status).toBe(200)
})

test('a list is walked to its end, each row once and typed', async () => {
  const { api, account } = await login()
  await Promise.all([app.member('editor'), app.member('editor')])
  const emails: string[] = []
  for await (const user of itemsOf(api.users.$get, { query: { size: '1' } })) {
    expectTypeOf(user).toEqualTypeOf<User>()
    emails.push(user.email)
  }
  expect(emails.length).toBeGreaterThanOrEqual(3)
  expect([new Set(emails).size, emails.includes(account.email)]).toEqual([emails.length, true])
})

test('without cookies it works by a token, which the login answers', async () => {
  const { account } = await login()
  const { email, password } = account
  const visitor = hc<AppType>(app.url)
  const reply = await visitor.api.login.$post({ json: { email, password, token: true } })
  const { token = '' } = await reply.json()
  const { api } = hc<AppType>(app.url, { headers: { Authorization: `Bearer ${token}` } })
  expect((await (await api.me.$get()).json()).me.email).toBe(email)
  const renewed = await (await api.reauthenticate.$post({ json: { password } })).json()
  expectTypeOf(renewed).toEqualTypeOf<{ token?: string | undefined }>()
  expect(renewed.token).not.toBe(token)
})

interface User {
  id: string
  email: string
  first_name: string
  last_name: string
  verified: boolean
  deletes: string | null
  fullname: string
  company: string | null
  role: Role
  tags: string[]
  created: string
  modified: string
}

test('a wrong argument does not compile, and is refused', async () => {
  const { api } = await login()
  // @ts-expect-error there is no password
  const without = await api.login.$post({ json: { email: 'ann@example.com' } })
  // @ts-expect-error an email is a text
  const number = await api.login.$post({ json: { email: 5, password: 'x' } })
  // @ts-expect-error a query holds texts
  const page = await api.users.$get({ query: { page: {} } })
  // @ts-expect-error the list of accounts has no such order
  const order = await api.users.$get({ query: { sort: 'password' } })
  const statuses: number[] = [without.status, number.status, page.status, order.status]
  expect(statuses).toEqual([400, 400, 400, 400])

  // @ts-expect-error there is no such path
  const nowhere = await api.nowhere.$get()
  expect(nowhere.status).toBe(404)
  // @ts-expect-error nor this method
  const put = await api.me.$put()
  expect(put.status).toBe(405)
})

test('each code of an error has one meaning, and is written like the others', () => {
  const kinds = errorsOf(describeRoutes(app.app)) // throws where two kinds have one code
  expect(kinds.length).toBeGreaterThan(10)
  expect(kinds.filter(({ code }) => !/^[a-z]+(_[a-z]+)*$/.test(code))).toEqual([])
})
