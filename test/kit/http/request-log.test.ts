// The line of a request: who, what, how it went, and no secret.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import type { Log } from '../../../src/kit/types/log.ts'
import { factory } from '../product/product.ts'
import { onError } from '../../../src/kit/http/errors.ts'
import { withRequestContext } from '../../../src/kit/http/request-id.ts'
import { requestLog } from '../../../src/kit/http/request-log.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { recorder } from '../support/log.ts'

function appWith(log: Log, slowRequestMs = 60_000) {
  const config = { slowRequestMs, log: { redact: ['iban'] } }
  return factory
    .createApp()
    .use(async (c, next) => {
      c.set('log', log)
      c.set('reportUnexpected', async () => {})
      c.set('ip', '192.0.2.7')
      c.set('session', null)
      await next()
    })
    .use(withRequestContext(undefined))
    .use(requestLog(config))
    .get('/ok/:id', (c) => c.text('ok'))
    .get('/user', (c) => {
      c.set('session', { userId: 'u-1' } as never)
      return c.text('ok')
    })
    .get('/moved', (c) => c.redirect('/ok/1'))
    .get('/broken', () => {
      throw new Error('broken')
    })
    .get('/slow', async (c) => (await Bun.sleep(20), c.text('ok')))
    .post('/in', validate('json', z.looseObject({ title: z.string() })), (c) => c.text('ok'))
    .post('/unread', (c) => c.text('ok'))
    .onError((_, c) => c.text('error', 500))
}

const post = (path: string, body: string) =>
  [path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } }] as const

describe('a request', () => {
  test('is one line: who, from where, what, how it went, how long, its id, its input', async () => {
    const { log, lines } = recorder()
    await appWith(log).request('/ok/7?page=2&tag=a&tag=b', { headers: { 'X-Request-Id': 'abc-1' } })
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'request',
        requestId: 'abc-1',
        fields: {
          user: 'anon',
          ip: '192.0.2.7',
          method: 'GET',
          path: '/ok/7',
          status: 200,
          ms: expect.any(Number),
          requestId: 'abc-1',
          input: '{"query":{"page":"2","tag":["a","b"]}}',
        },
      },
    ])
    expect(Object.keys(lines[0]?.fields ?? {})).toEqual(
      'user impersonator token ip method path status ms requestId code input'.split(' '),
    )
  })

  test.each([
    ['/ok/1', 200, 'info'],
    ['/moved', 302, 'info'],
    ['/nowhere', 404, 'warn'],
    ['/broken', 500, 'error'],
  ])('%s answers %d and is logged as %s', async (path, status, level) => {
    const { log, lines } = recorder()
    await appWith(log).request(path)
    expect(lines.map((line) => [line.fields.status, line.level])).toEqual([[status, level]])
  })

  test('that ends in an error names its code, whatever was thrown', async () => {
    const { log, lines } = recorder()
    const withErrors = appWith(log).onError(onError)
    await withErrors.request(...post('/in', '{}'))
    await withErrors.request('/broken')
    await withErrors.request('/ok/1')
    const codes = lines.filter(({ fields }) => 'status' in fields).map(({ fields }) => fields.code)
    expect(codes).toEqual(['invalid_request', 'internal_error', undefined])
  })

  test('names the user that is logged in', async () => {
    const { log, lines } = recorder()
    await appWith(log).request('/user')
    expect(lines[0]?.fields.user).toBe('u-1')
  })

  test('that takes too long is a warning that says SLOW! and the time', async () => {
    const { log, lines } = recorder()
    await appWith(log, 10).request('/slow')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.level).toBe('warn')
    expect(lines[0]?.message).toMatch(/^SLOW! \d+ ms$/)
  })

  test('shows a JSON body that was parsed, its secrets replaced', async () => {
    const { log, lines } = recorder()
    await appWith(log).request(
      ...post('/in?token=hunter2', '{"title":"x","password":"hunter2","iban":"hunter2"}'),
    )
    expect(lines[0]?.fields.input).toBe(
      '{"query":{"token":"***"},"body":{"title":"x","password":"***","iban":"***"}}',
    )
  })

  test('shows no code with which somebody comes back from a login elsewhere, in its own query or in `next`', async () => {
    const { log, lines } = recorder()
    const back = '/back?code=hunter2&state=x'
    await appWith(log).request(back)
    await appWith(log).request(`/ok/1?next=${encodeURIComponent(back)}`)
    expect(lines.map(({ fields }) => fields.input)).toEqual([
      '{"query":{"code":"***","state":"x"}}',
      '{"query":{"next":"/back?code=***&state=x"}}',
    ])
  })

  test.each([
    ['never read', '/unread', '{"title":"hunter2"}'],
    ['not JSON', '/in', '{"title":"hunter2"'],
  ])('shows nothing of a body that was %s', async (_, path, body) => {
    const { log, lines } = recorder()
    await appWith(log).request(...post(path, body))
    expect(lines).toHaveLength(1)
    expect(lines[0]?.fields.input).toBeUndefined()
  })
})
