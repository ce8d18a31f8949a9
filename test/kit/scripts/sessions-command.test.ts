// `npm run sessions`: the old name of the session's cookie is retired, once, and can be taken back.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { OLD_COOKIE_RETIRED } from '../../../src/kit/http/session-cookies.ts'
import { runCommand } from '../support/command.ts'
import { startApp, type TestApp } from '../../support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ COOKIE_SECURE: 'on' })
})
afterAll(() => app.close())

const sessions = (args: string[], env: Record<string, string> = {}) =>
  runCommand('sessions', args, app.config, { COOKIE_SECURE: 'on', ...env })

test('retired, an old cookie of a later login stands for nobody; taken back, it counts again', async () => {
  const retired = await sessions(['retire-old-cookie'])
  expect(retired).toMatchObject({ code: 0, err: '' })
  const member = await app.member()
  const old = app.visitor({ Cookie: `session=${member.cookies.get('__Host-session')}` })
  const statuses = async () => [(await old.get('/api/me')).status, (await member.get('/api/me')).status]
  expect(await statuses()).toEqual([401, 200])
  const at = await app.deps.store.get(OLD_COOKIE_RETIRED)
  expect(retired.out).toContain(new Date(Number(at)).toISOString())
  // Once more moves nothing: what began meanwhile would count.
  expect(await sessions(['retire-old-cookie'])).toEqual(retired)
  expect(await statuses()).toEqual([401, 200])
  expect(await sessions(['accept-old-cookie'])).toMatchObject({ code: 0, err: '' })
  expect(await statuses()).toEqual([200, 200])
})

test('where the cookie still goes by that name it refuses, and says why', async () => {
  for (const [name, value] of [
    ['COOKIE_SECURE', 'off'],
    ['COOKIE_DOMAIN', 'example.com'],
  ] as const) {
    const refused = await sessions(['retire-old-cookie'], { [name]: value })
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('COOKIE_SECURE')])
  }
  expect(await app.deps.store.get(OLD_COOKIE_RETIRED)).toBeUndefined()
  const { code, err } = await sessions(['retire'])
  expect([code, err]).toEqual([2, expect.stringContaining('There is no command "retire"')])
})
