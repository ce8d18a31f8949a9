// Redaction: no secret of an input gets into a summary of it, and no input makes one long.
import { describe, expect, test } from 'bun:test'
import { maskEmails, mentionsSecret, redact, summarize } from '../../../src/kit/log/redact.ts'

describe('redaction', () => {
  const hidden: [string, unknown][] = [
    ['a password', { password: 'hunter2' }],
    ['whatever the case', { PassWord: 'hunter2', COOKIE: 'hunter2' }],
    ['as part of a key', { access_token: 'hunter2', newPassword: 'hunter2', 'x-client-secret': 'hunter2' }],
    ['passwd and pwd', { passwd: 'hunter2', user_pwd: 'hunter2' }],
    ['an authorization header', { headers: { Authorization: 'Bearer hunter2' } }],
    ['whatever is below a secret key', { token: { value: ['hunter2'] } }],
    ['in arrays of objects', [[{ a: [{ secret: 'hunter2' }] }]]],
    ['a key of the configured list, however punctuated', { apiKey: 'hunter2', 'API-KEY': 'hunter2' }],
    ['a URL, which may be a secret itself', { url: 'https://hooks.example/services/hunter2' }],
    ['in the query string of a URL', { next: 'https://example.com/?page=1&reset_token=hunter2#x' }],
    ['in a query string with an escaped name', '?%74oken=hunter2'],
    ['in a form', 'name=ann&password=hunter2'],
    ['in JSON within a string', { payload: '{"user": {"password": "hunter2"}}' }],
    ['below a key that is no name', { ['a'.repeat(5000)]: 'hunter2' }],
    [
      'a prototype key',
      JSON.parse('{"__proto__": {"password": "hunter2"}, "constructor": {"pwd": "hunter2"}}'),
    ],
  ]
  test.each(hidden)('hides %s', (_, value) => {
    const text = summarize(value, ['api_key'])
    expect(text).toContain('***')
    expect(text).not.toContain('hunter2')
  })

  test('shows the rest as it is', () => {
    const value = {
      title: 'Alien',
      year: 1979,
      tags: ['a', null, true],
      when: new Date(0),
      next: '/?page=2&q=a',
    }
    expect(summarize(value, ['api_key'])).toBe(JSON.stringify(value))
  })

  test.each([
    ['{"email":"ann.lee+x@mail.example.com"}', '{"email":"***"}'],
    ['/api/people/ann%40example.com/notes', '/api/people/***/notes'],
    ["550 5.1.1 <Ann.O'Lee@example.com>: no such mailbox", '550 5.1.1 <***>: no such mailbox'],
    ['Key (lower(email))=(ann@example.com) already exists.', 'Key (lower(email))=(***) already exists.'],
    ['jörg@bücher.example, eve@example.com', '***, ***'],
    ['node_modules/hono@4.1.0/dist, @scope/name, root@localhost', undefined],
  ])('hides the emails in %s', (text, masked = text) => {
    expect(maskEmails(text)).toBe(masked)
  })

  test('hides an email where a text is cut, and the names of people', () => {
    const cut = summarize('x '.repeat(490) + 'ann.lee@example.com and more '.repeat(9))
    expect(cut).toEndWith('…(cut)')
    expect(cut).not.toContain('ann')
    const person = { fname: 'Ann', last_name: 'Lee', 'full name': 'Ann Lee', model_name: 'T', surface: 'x' }
    expect(summarize(person)).toBe(
      '{"fname":"***","last_name":"***","full name":"***","model_name":"T","surface":"x"}',
    )
  })

  test('its pattern is made once, also for who has no words of their own', () => {
    const Pattern = globalThis.RegExp
    let made = 0
    const Counting = class extends Pattern {
      constructor(...args: ConstructorParameters<typeof RegExp>) {
        super(...args)
        made++
      }
    }
    redact({})
    globalThis.RegExp = Counting as typeof RegExp
    try {
      for (let i = 0; i < 10; i++) {
        redact({ a: 1 })
        summarize('a')
        mentionsSecret('a')
      }
    } finally {
      globalThis.RegExp = Pattern
    }
    expect(made).toBe(0)
  })

  test('the input itself is left alone', () => {
    const value = { password: 'hunter2', list: [{ token: 'x' }] }
    redact(value)
    expect(value).toEqual({ password: 'hunter2', list: [{ token: 'x' }] })
  })

  test('a 5000-deep input ends in a marker', () => {
    const deep: unknown = JSON.parse(`${'{"a":['.repeat(2500)}{"token":"hunter2"}${']}'.repeat(2500)}`)
    expect(summarize(deep)).toContain('[too deep]')
    expect(summarize(deep)).not.toContain('hunter2')
  })

  test('a prototype key stays a key', () => {
    expect(summarize(JSON.parse('{"__proto__": {"a": 1}}'))).toBe('{"__proto__":{"a":1}}')
    expect(({} as Record<string, unknown>).a).toBeUndefined()
  })

  test.each([
    ['array', Array.from({ length: 500_000 }, (_, i) => i)],
    ['text', 'x'.repeat(5_000_000)],
    ['object', Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i]))],
    ['array of secrets', Array.from({ length: 5000 }, () => ({ token: 'hunter2' }))],
  ])('a huge %s is cut to the limit, and says so', (_, value) => {
    const text = summarize(value)
    expect(text).toHaveLength(1000)
    expect(text).toEndWith('…(cut)')
  })

  test('a summary reads no more of an array than it shows', () => {
    let read = 0
    const items = new Proxy(
      Array.from({ length: 100_000 }, () => 'x'),
      {
        get: (target, key) => (read++, Reflect.get(target, key)),
      },
    )
    summarize(items)
    expect(read).toBeLessThan(5000)
  })

  test('what fits exactly is not cut', () => {
    expect(summarize('x'.repeat(998))).toBe(`"${'x'.repeat(998)}"`)
    expect(summarize('x'.repeat(999))).toEndWith('…(cut)')
  })
})
