// The size of a page: a list takes it by both names, `limit` and `size`.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  boss = await app.member('superuser')
  await app.member()
})
afterAll(() => app.close())

test.each(['size', 'limit'])('%s=1 is a page of one row, and the link to the next keeps it', async (name) => {
  const path = '/api/users'
  const reply = await boss.get(`${path}?${name}=1`)
  expect([reply.status, reply.body.length]).toEqual([200, 1])
  expect(reply.headers.get('link')).toMatch(new RegExp(`^<\\?${name}=1&page=2&cursor=\\S+>; rel="next"`))
  expect((await boss.get(`${path}?${name}=`)).body.length).toBeGreaterThan(1)
  for (const wrong of ['0', '1001', 'all']) {
    const refused = await boss.get(`${path}?${name}=${wrong}`)
    expect([refused.status, refused.body.issues[0].path]).toEqual([400, name])
  }
})
