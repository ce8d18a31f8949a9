// A line of the log: what it holds in each format, and that no input forges one.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPrettyFormat } from '../../../src/kit/log/pretty.ts'
import { withFields } from '../../../src/kit/log/with-fields.ts'
import { until } from '../support/until.ts'
import { program, run, TIME } from '../support/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-log-'))

afterAll(() => rmSync(folder, { recursive: true }))

test('of a request a line has the id, and nothing else that is kept of it', async () => {
  const { lines } = await run(
    `const request = new Request('http://localhost/?token=hunter2')
     requestContext.run({ requestId: 'r-1', request, isLate: false }, () => log.info('said'))
     await log.close()`,
  )
  expect(Object.keys(JSON.parse(lines[0] ?? '{}')).toSorted()).toEqual([
    'level',
    'msg',
    'pid',
    'requestId',
    'time',
  ])
})

test('a log with fields of its own has them in each line, unless a line says otherwise', () => {
  const said: unknown[] = []
  const at = (level: string) => (message: string, fields?: object) => void said.push([level, message, fields])
  const log = withFields(
    { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    { client: 'ios', tenant: 7 },
  )
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]('said', { tenant: 8 })
  log.info('bare')
  expect(said).toEqual([
    ...['debug', 'info', 'warn', 'error'].map((level) => [level, 'said', { client: 'ios', tenant: 8 }]),
    ['info', 'bare', { client: 'ios', tenant: 7 }],
  ])
})

describe('the formats', () => {
  const REQUEST = `{ user: 'anon', ip: '192.0.2.7', method: 'GET', path: '/a', status: 404, ms: 1.5, requestId: 'r-1', input: '{"query":{"a":"1"}}' }`

  test('JSON lines begin with level and time, and carry the id of their request', async () => {
    const { lines } = await run(`
      log.debug('not shown')
      log.info('outside', { count: 3 })
      requestContext.run({ requestId: 'r-1' }, () => log.warn('inside'))
      log.warn('request', ${REQUEST})`)
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(line).toMatch(/^\{"level":"(info|warn)","time":"[^"]+Z",/)
    const [outside, inside, request] = lines.map((line) => JSON.parse(line))
    expect(outside).toMatchObject({ level: 'info', count: 3, msg: 'outside' })
    expect(outside).not.toHaveProperty('requestId')
    expect(inside).toMatchObject({ level: 'warn', requestId: 'r-1', msg: 'inside' })
    expect(lines[2]).toMatch(
      /"time":"[^"]+","user":"anon","ip":"192.0.2.7","method":"GET","path":"\/a","status":404,"ms":1.5,"requestId":"r-1","input":/,
    )
    expect(Date.parse(request.time)).toBeLessThanOrEqual(Date.now())
  })

  test('an email is in no line, whatever field or message brings it, and the line stays whole', async () => {
    const { lines } = await run(`
      const EMAIL = 'ann@example.com'
      log.info('to ' + EMAIL, { path: '/a/' + EMAIL, input: JSON.stringify({ text: '\\n' + EMAIL }), deep: [{ to: EMAIL }] })
      log.error('mail', { error: new Error('550 <' + EMAIL + '>', { cause: new Error(EMAIL) }) })
      const circle = { to: EMAIL }
      circle.self = circle
      log.info('circle', { circle })`)
    expect(lines).toHaveLength(3)
    const [first, error] = lines.map((line) => JSON.parse(line))
    expect(first).toMatchObject({ msg: 'to ***', path: '/a/***', deep: [{ to: '***' }] })
    expect(error.error).toMatchObject({ message: '550 <***>', cause: { message: '***' } })
    expect(lines.join()).not.toContain('example')
  })

  test('what has no JSON is logged all the same', async () => {
    const { lines, exitCode } = await run(`
      const circle = { name: 'round' }
      circle.self = circle
      log.info('fields', { big: 10n ** 20n, circle, bytes: new Uint8Array(3), nothing: undefined, nan: NaN })
      log.info('next')`)
    expect(exitCode).toBe(0)
    const [fields, next] = lines.map((line) => JSON.parse(line))
    expect(fields).toMatchObject({
      level: 'info',
      big: '100000000000000000000',
      circle: { name: 'round' },
      msg: 'fields',
    })
    expect(next).toMatchObject({ msg: 'next' })
  })

  test('pretty lines begin with the level, and hold no escape codes off a terminal', async () => {
    const { out, lines } = await run(
      `log.debug('one'); log.info('two', { count: 3, text: 'a b' }); log.warn('request', ${REQUEST})
       log.error('four', { error: new TypeError('no good') })`,
      { format: 'pretty', level: 'debug' },
    )
    expect(out).not.toContain('\x1b')
    expect(lines[0]).toMatch(new RegExp(`^DBG ${TIME.source} one$`))
    expect(lines[1]).toMatch(new RegExp(`^INF ${TIME.source} two count=3 text="a b"$`))
    expect(lines[2]).toMatch(
      new RegExp(`^WRN ${TIME.source} anon +192.0.2.7 +GET +/a +404 +1.5 ms r-1 {"query":{"a":"1"}}$`),
    )
    expect(lines[3]).toMatch(new RegExp(`^ERR ${TIME.source} four$`))
    expect(lines[4]).toBe('    TypeError: no good')
    expect(lines[5]).toMatch(/^ {6}at /)
  })

  test.each([
    [{ NO_COLOR: undefined }, true],
    [{ NO_COLOR: '1' }, false],
  ])('on a terminal with %p, warnings are yellow and errors red: %p', async (env, inColor) => {
    let screen = ''
    const file = join(folder, `terminal-${inColor}.log`)
    const child = Bun.spawn(
      [process.execPath, '-e', program(`log.warn('careful'); log.error('bad')`, { format: 'pretty', file })],
      {
        // Nothing of this process's own: on CI colours are off.
        env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
        terminal: { data: (_, bytes) => void (screen += Buffer.from(bytes).toString()) },
      },
    )
    await child.exited
    await until('the last line', () => screen.includes('bad'))
    expect(screen.includes('\x1b[33mWRN')).toBe(inColor)
    expect(screen.includes('\x1b[31mERR')).toBe(inColor)
    expect(screen.includes('\x1b')).toBe(inColor)
    expect(readFileSync(file, 'utf8')).not.toContain('\x1b')
  })

  test('of a request says who acts as its user, and by which token', () => {
    const request = {
      user: 'ann',
      ip: '::1',
      method: 'GET',
      path: '/api/me',
      status: 200,
      ms: 1,
      requestId: 'r',
    }
    const record = { level: 'info', time: '2026-11-23T00:00:00.000Z', pid: 1, msg: 'request' } as const
    const line = createPrettyFormat()({ ...record, ...request, impersonator: 'bob', token: 't1' })
    expect(line).toContain('GET    /api/me          200    1 ms r impersonator=bob token=t1\n')
  })

  test('input can neither forge a line nor emit an escape code', () => {
    const evil = 'x\nERR 2026-01-01T00:00:00.000Z forged\r\x1b[31mred\x9b31m\u2028\u202e\0'
    const format = createPrettyFormat()
    const error = { type: 'Error', message: evil, sql: evil, stack: `    at ${evil}`, errors: [], code: evil }
    const time = '2026-11-23T00:00:00.000Z'
    const asRequest = { user: evil, ip: evil, method: evil, path: evil, status: 200, ms: 1, requestId: evil }
    const text = [
      format({ level: 'info', time, msg: evil, field: evil, [evil]: { [evil]: evil } }),
      format({ level: 'warn', time, msg: 'request', ...asRequest, input: evil, [evil]: evil }),
      format({ level: 'error', time, msg: 'x', error: { ...error, cause: error } }),
    ].join('')
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u202e]/u)
    expect(text.match(/^\S+/gm)?.filter((word) => word !== 'INF' && word !== 'WRN')).toEqual(['ERR'])
  })
})

test('a JSON line moves no cursor of the terminal that shows it, and says the same', async () => {
  const evil = 'x\n\x1b[31m\x7f\x9b31m\u2028\u202e\u2066'
  const file = join(folder, 'evil.log')
  const { out } = await run(`log.warn(${JSON.stringify(evil)}, { [${JSON.stringify(evil)}]: 1 })`, { file })
  for (const text of [out, readFileSync(file, 'utf8')]) {
    expect(text.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u202e\u2066]/u)
    expect(JSON.parse(text)).toMatchObject({ msg: evil, [evil]: 1 })
  }
})
