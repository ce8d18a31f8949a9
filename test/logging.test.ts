// The log: what it shows, what it never shows, and that no line is lost.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql as raw } from 'drizzle-orm'
import { z } from 'zod'
import { name as project } from '../package.json'
import { loadConfig } from '../src/config.ts'
import type { Db } from '../src/types/db.ts'
import type { Log, LogFields } from '../src/types/log.ts'
import { briefError, describeError } from '../src/infra/log-errors.ts'
import { createPrettyFormat } from '../src/infra/log-pretty.ts'
import { SyslogSink } from '../src/infra/log-syslog.ts'
import { openPostgres } from '../src/infra/postgres.ts'
import { factory } from '../src/account/product.ts'
import { mentionsSecret, redact, summarize } from '../src/web/redact.ts'
import { requestContext, withRequestContext } from '../src/web/request-context.ts'
import { requestLog } from '../src/web/request-log.ts'
import { validate } from '../src/web/validate.ts'
import { createDatabase, redisUrl } from './support/services.ts'

const HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo'
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/

const folder = mkdtempSync(join(tmpdir(), 'restbun-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Line {
  level: string
  message: string
  fields: Record<string, unknown>
  /** Of the request in whose context the line was logged. */
  requestId: string | undefined
}

function recorder() {
  const lines: Line[] = []
  const record =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields, requestId: requestContext.getStore()?.requestId })
  const log: Log = {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  }
  return { log, lines }
}

const logOptions = {
  level: 'info',
  format: 'json',
  file: undefined,
  syslog: undefined,
  sql: false,
  redact: [],
}

/** Runs code in a process of its own that has `log` and `requestContext`; answers what came out of it. */
async function run(code: string, options: object = {}) {
  const child = Bun.spawn([process.execPath, '-e', program(code, options)], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { out, err, exitCode: await child.exited, lines: out.split('\n').slice(0, -1) }
}

const program = (code: string, options: object) => `
  const { createLog } = await import(${JSON.stringify(join(import.meta.dir, '../src/infra/log.ts'))})
  const { requestContext } = await import(${JSON.stringify(join(import.meta.dir, '../src/web/request-context.ts'))})
  const log = createLog(${JSON.stringify({ ...logOptions, ...options })}, 'restbun')
  ${code}`

/** Waits for what is bound to happen; the test's own time limit ends a wait in vain. */
async function until<T>(read: () => T | undefined): Promise<T> {
  for (;;) {
    const value = read()
    if (value !== undefined) return value
    await Bun.sleep(5)
  }
}

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

function appWith(log: Log, slowRequestMs = 1000) {
  const config = { slowRequestMs, log: { redact: ['iban'] } }
  return factory
    .createApp()
    .use(async (c, next) => {
      c.set('log', log)
      c.set('ip', '192.0.2.7')
      c.set('session', null)
      await next()
    })
    .use(withRequestContext)
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
      'user ip method path status ms requestId input'.split(' '),
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
    await until(() => (screen.includes('bad') ? true : undefined))
    expect(screen.includes('\x1b[33mWRN')).toBe(inColor)
    expect(screen.includes('\x1b[31mERR')).toBe(inColor)
    expect(screen.includes('\x1b')).toBe(inColor)
    expect(readFileSync(file, 'utf8')).not.toContain('\x1b')
  })

  test('input can neither forge a line nor emit an escape code', () => {
    const evil = 'x\nERR 2026-01-01T00:00:00.000Z forged\r\x1b[31mred\x9b31m\u2028\u202e\0'
    const format = createPrettyFormat()
    const error = { type: 'Error', message: evil, sql: evil, stack: `    at ${evil}`, errors: [], code: evil }
    const time = '2026-11-23T00:00:00.000Z'
    const asRequest = { user: evil, ip: evil, method: evil, path: evil, status: 200, ms: 1, requestId: evil }
    const text = [
      format({ level: 'info', time, msg: evil, field: evil, [evil]: { [evil]: evil } }),
      format({ level: 'warn', time, msg: 'request', ...asRequest, input: evil }),
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

describe('an error', () => {
  test('shows its class, its message, its stack and its causes, each once', () => {
    const cause = Object.assign(new RangeError('too far'), { code: 'EFAR' })
    const record = describeError(new TypeError('wrong', { cause }))
    expect(record).toMatchObject({ type: 'TypeError', message: 'wrong' })
    expect(record.cause).toMatchObject({ type: 'RangeError', message: 'too far', code: 'EFAR' })
    expect(record.stack).toContain('logging.test.ts')
    expect(JSON.stringify(record).split('too far')).toHaveLength(2)
  })

  test('that holds others shows them', () => {
    const record = describeError(new AggregateError([new Error('first'), 'second'], 'both failed'))
    expect(record.errors?.map((e) => [e.type, e.message])).toEqual([
      ['Error', 'first'],
      ['string', '"second"'],
    ])
  })

  test('in a circle of causes comes to an end', () => {
    const a = new Error('a')
    a.cause = new Error('b', { cause: a })
    expect(JSON.stringify(describeError(a)).length).toBeLessThan(20_000)
  })

  test.each([undefined, null, 7, 'text', { password: 'hunter2' }])(
    'may be any thrown value: %p',
    (thrown) => {
      const record = describeError(thrown)
      expect(record.message).toBeString()
      expect(record.message).not.toContain('hunter2')
    },
  )

  test('hides what LOG_REDACT names, too', async () => {
    const { out } = await run(
      `log.error('thrown', { error: { iban: 'hunter2' } })
      log.error('caused', { error: new Error('x', { cause: { iban: 'hunter2' } }) })
      log.error('by SQL', { error: Object.assign(new Error('x'), { query: "select 'hunter2' as iban" }) })
      const circle = { iban: 'hunter2' }
      log.error('without JSON', { circle: Object.assign(circle, { circle }) })`,
      { redact: ['iban'] },
    )
    expect(out.match(/"msg"/g)).toHaveLength(4)
    expect(out).not.toContain('hunter2')
    expect(briefError({ iban: 'hunter2' }, ['iban'])).not.toContain('hunter2')
  })

  test('whose message looks like a stack frame does not pass for one', () => {
    const error = new Error('x\n    at hunter2')
    expect(describeError(error).stack).not.toContain('hunter2')
    expect(describeError(error).stack).toContain('logging.test.ts')
  })
})

const has = (path: string, text: string) =>
  until(() => (Bun.file(path).size > 0 && readFileSync(path, 'utf8').includes(text) ? true : undefined))

describe('the log file', () => {
  test('is created unreadable to others, goes on in a new file after a rotation, and loses nothing', async () => {
    const file = join(folder, 'rotated.log')
    await using child = Bun.spawn(
      [
        process.execPath,
        '-e',
        program(
          `
        process.on('SIGUSR2', () => { log.reopen(); log.info('after') })
        log.info('before'); log.flush()
        setInterval(() => {}, 1000)`,
          { file },
        ),
      ],
      { stdout: 'ignore' },
    )
    await has(file, 'before')
    expect(statSync(file).mode & 0o137).toBe(0)
    renameSync(file, `${file}.1`)
    child.kill('SIGUSR2')
    await has(file, 'after')
    child.kill()
    await child.exited
    expect(readFileSync(`${file}.1`, 'utf8').trim().split('\n')).toHaveLength(1)
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1)
  })

  test('in a folder that does not exist fails the start and says what to do', async () => {
    const file = join(folder, 'no-such-folder', 'app.log')
    const { err, exitCode } = await run('', { file })
    expect(exitCode).toBe(1)
    expect(err).toContain(
      `LOG_FILE=${file} cannot be opened: the folder ${join(folder, 'no-such-folder')} does not exist`,
    )
  })
})

const messages = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).msg)
    .filter((msg) => msg !== 'last')

describe('no line is lost', () => {
  const many = 'for (let i = 0; i < 20_000; i++) log.info(`line ${i}`)'
  const expected = Array.from({ length: 20_000 }, (_, i) => `line ${i}`)

  test.each([
    ['at the natural end', '', 0],
    ['at process.exit', 'process.exit(3)', 3],
    [
      'at an uncaught error',
      'setTimeout(() => { log.info("last"); throw new Error("nobody catches it") })',
      1,
    ],
    ['at an unhandled rejection', 'void Promise.reject(new Error("nobody catches it"))', 1],
    ['when the log is closed', 'await log.close()', 0],
  ])('%s', async (_, end, exitCode) => {
    const file = join(folder, `lost-${exitCode}-${end.length}.log`)
    const result = await run(`${many}\n${end}`, { file })
    expect(result.exitCode).toBe(exitCode)
    expect(messages(result.out)).toEqual(expected)
    expect(messages(readFileSync(file, 'utf8'))).toEqual(expected)
    if (end.includes('last')) expect(result.out).toContain('"msg":"last"')
  })

  test('and a reader of stdout that goes away does not take the process with it', async () => {
    const file = join(folder, 'closed-pipe.log')
    const shell = `"$0" -e "$1" | head -c 1 >/dev/null`
    const code = program(
      `${many}; log.flush(); await Bun.sleep(0); ${many}; log.flush(); log.info('survived')`,
      { file },
    )
    await Bun.spawn(['sh', '-c', shell, process.execPath, code], { stderr: 'inherit' }).exited
    const text = await until(() => {
      const written = readFileSync(file, 'utf8')
      return written.includes('survived') ? written : undefined
    })
    expect(text.trim().split('\n')).toHaveLength(40_001)
  })
})

async function listen(hostname = '127.0.0.1') {
  const datagrams: Buffer[] = []
  const server = await Bun.udpSocket({
    hostname,
    socket: { data: (_, bytes) => void datagrams.push(Buffer.from(bytes)) },
  })
  return { server, datagrams, [Symbol.dispose]: () => server.close() }
}

const at = (datagrams: Buffer[], n: number) => until(() => datagrams[n])

describe('syslog', () => {
  test('gets each line as RFC 5424, its severity mapped', async () => {
    using syslog = await listen()
    const { exitCode } = await run(
      `log.debug('d'); log.info('ü ok'); log.warn('w'); log.error('e'); await log.close()`,
      { level: 'debug', syslog: `udp://localhost:${syslog.server.port}` },
    )
    expect(exitCode).toBe(0)
    await at(syslog.datagrams, 3)
    const lines = syslog.datagrams.map((d) => d.toString('utf8')).toSorted()
    // local0 is 16: 16 * 8 + severity.
    expect(lines.map((line) => line.slice(0, 6))).toEqual(['<131>1', '<132>1', '<134>1', '<135>1'])
    expect(lines[2]).toMatch(
      new RegExp(`^<134>1 ${TIME.source} \\S+ ${project} \\d+ - - \\{"level":"info".*"msg":"ü ok"\\}$`),
    )
  })

  // The three lengths of the start move the limit to each byte of a character.
  test.each(['', 'x', 'xx'])('gets a long line cut at 8 kB between two characters: %p', async (start) => {
    using syslog = await listen()
    const sink = new SyslogSink(`udp://127.0.0.1:${syslog.server.port}`, 'restbun', () => {})
    sink.write('info', '2026-11-23T00:00:00.000Z', start + '€'.repeat(10_000))
    const datagram = await at(syslog.datagrams, 0)
    await sink.close()
    expect(datagram.length).toBeGreaterThan(8189)
    expect(datagram.length).toBeLessThanOrEqual(8192)
    expect(datagram.toString('utf8')).toEndWith('€€')
  })

  test('that is away or cannot be found neither fails nor blocks the writer', async () => {
    const { server } = await listen()
    const { port } = server
    server.close()
    for (const url of [`udp://127.0.0.1:${port}`, 'udp://no-such-host.invalid']) {
      const sink = new SyslogSink(url, 'restbun', () => {})
      for (let i = 0; i < 5000; i++) sink.write('error', '2026-11-23T00:00:00.000Z', 'nobody hears this')
      await sink.close()
    }
  })

  test('gets the first line that is sent after it came back', async () => {
    const away = await listen()
    const { port } = away.server
    const sink = new SyslogSink(`udp://127.0.0.1:${port}`, 'restbun', () => {})
    sink.write('info', '2026-11-23T00:00:00.000Z', 'one')
    await at(away.datagrams, 0)
    away.server.close()
    sink.write('info', '2026-11-23T00:00:00.000Z', 'refused')
    const datagrams: Buffer[] = []
    const back = await Bun.udpSocket({
      hostname: '127.0.0.1',
      port,
      socket: { data: (_, bytes) => void datagrams.push(Buffer.from(bytes)) },
    })
    sink.write('info', '2026-11-23T00:00:00.000Z', 'two')
    expect((await at(datagrams, 0)).toString()).toEndWith('two')
    await sink.close()
    back.close()
  })
})

const thrownBy = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('statements', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let lines: Line[]
  let db: Db
  let close: () => Promise<void>

  beforeAll(async () => {
    database = await createDatabase()
    const { log, lines: recorded } = recorder()
    lines = recorded
    const settings = { DATABASE_URL: database.url, REDIS_URL: redisUrl(), LOG_SQL: 'on', LOG_REDACT: 'iban' }
    const opened = openPostgres(loadConfig(settings), log)
    db = opened.db
    close = opened.close
    await db.execute(
      raw`create table logged (id serial primary key, title text unique, password text, n int)`,
    )
  })
  afterAll(async () => {
    await close?.()
    await database?.drop()
  })

  async function logged(work: () => Promise<unknown>) {
    lines.length = 0
    await requestContext.run({ requestId: 'r-1' }, async () => work().catch(() => {}))
    return lines
  }
  const texts = () => lines.map((line) => line.fields.sql)

  test('are logged with text, parameters, time and request id', async () => {
    const [line] = await logged(() => db.execute(raw`select ${'abc'}::text as it,\n  ${7}::int`))
    expect(line).toMatchObject({
      level: 'info',
      message: 'sql',
      requestId: 'r-1',
      fields: { sql: 'select $1::text as it, $2::int', params: '["abc",7]', ms: expect.any(Number) },
    })
    expect(lines).toHaveLength(1)
  })

  test('are readable in the pretty format', () => {
    const fields = {
      ms: 1.5,
      sql: 'select "id" from "users" where "id" = $1',
      params: '["a"]',
      requestId: 'r-1',
    }
    const text = createPrettyFormat()({
      level: 'info',
      time: '2026-11-23T00:00:00.000Z',
      msg: 'sql',
      ...fields,
    })
    expect(text).toEndWith(' sql 1.5 ms select "id" from "users" where "id" = $1 ["a"] requestId=r-1\n')
  })

  test('carry the id of the request that sent them, when requests cross', async () => {
    lines.length = 0
    const ids = Array.from({ length: 20 }, (_, i) => `r-${i}`)
    await Promise.all(
      ids.map((id) =>
        requestContext.run({ requestId: id }, async () => await db.execute(raw`select ${id}::text`)),
      ),
    )
    expect(lines).toHaveLength(20)
    for (const line of lines) expect(line.fields.params).toBe(JSON.stringify([line.requestId]))
  })

  test('in transactions and savepoints are seen, and how these ended', async () => {
    await logged(() =>
      db.transaction(async (tx) => {
        await tx.execute(raw`select 1`)
        await tx.transaction(async (inner) => inner.execute(raw`select 2`))
        await tx.transaction((inner) => inner.execute(raw`select 1/0`)).catch(() => {})
      }),
    )
    expect(texts()).toEqual([
      'begin',
      'select 1',
      'savepoint s1',
      'select 2',
      'savepoint s2',
      'select 1/0',
      'rollback to savepoint s2',
      'commit',
    ])
    await logged(() => db.transaction(() => Promise.reject(new Error('no'))))
    expect(texts()).toEqual(['begin', 'rollback'])
    expect(lines.map((line) => line.requestId)).toEqual(['r-1', 'r-1'])
  })

  test('that fail are logged with their code, and still fail for the caller', async () => {
    lines.length = 0
    const failure = await thrownBy(db.execute(raw`select 1/0`))
    expect(failure).toMatchObject({ cause: { code: '22012' } })
    expect(lines.map((line) => line.fields.failed)).toEqual(['22012'])
  })

  test('show no parameter where a secret column is written or compared, and never a hash', async () => {
    await logged(async () => {
      await db.execute(raw`insert into logged (title, password) values (${'t-1'}, ${'hunter2'})`)
      await db.execute(raw`select id from logged where password = ${'hunter2'}`)
      await db.execute(raw`select ${'hunter2'}::text as iban`)
      await db.execute(raw`update logged set password = 'hunter2' where title = 'it''s'`)
      await db.execute(raw`insert into logged (title) values (${HASH})`)
      await db.execute(raw`select ${JSON.stringify({ password: 'hunter2' })}::json`)
      await db.execute(raw`select array[${'x'}, ${HASH}]::text[]`)
    })
    expect(lines).toHaveLength(7)
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    expect(JSON.stringify(lines)).not.toContain('argon2')
    expect(lines[0]?.fields.params).toBe('***')
  })

  test('show long and many parameters cut', async () => {
    const values = Array.from({ length: 200 }, () => 'y'.repeat(5000))
    const columns = values.map((value) => raw`${value}::text`)
    await logged(() => db.execute(raw`select ${raw.join(columns, raw`, `)}`))
    expect(String(lines[0]?.fields.params).length).toBeLessThanOrEqual(1000)
    await logged(() => db.execute(raw`select ${'z'.repeat(5000)}::text, ${'end'}::text`))
    expect(lines[0]?.fields.params).toBe(`["${'z'.repeat(100)}…","end"]`)
  })

  test('that break a constraint are told by class, code, constraint and text, without a parameter', async () => {
    const insert = async () =>
      await db.execute(raw`insert into logged (title, password) values (${'ann@example.com'}, ${HASH})`)
    await insert()
    const error = await thrownBy(insert())
    expect(String(error)).toContain(HASH) // what must not get through
    const record = JSON.parse(JSON.stringify(describeError(error)))
    expect(record.cause.routine).toBeString()
    const line = createPrettyFormat()({
      level: 'error',
      time: '2026-11-23T00:00:00.000Z',
      msg: 'x',
      error: record,
    })
    for (const text of [JSON.stringify(record), line]) {
      expect(text).not.toContain('argon2')
      expect(text).not.toContain('ann@example.com')
    }
    expect(record).toMatchObject({
      type: 'DrizzleQueryError',
      message: 'Failed query',
      sql: 'insert into logged (title, password) values ($1, $2)',
      stack: expect.stringMatching(/^ {4}at /),
      cause: { type: 'PostgresError', code: '23505', constraint: 'logged_title_key', table: 'logged' },
    })
  })

  test('a parameter that looks like a stack frame is not shown either', async () => {
    const error = await thrownBy(db.execute(raw`select ${'\n    at hunter2 (x:1:1)'}::int`))
    expect(JSON.stringify(describeError(error))).not.toContain('hunter2')
  })

  test.each([
    ['a number', raw`select ${'hunter2"quoted'}::int`],
    ['a uuid', raw`select ${'hunter2'}::uuid`],
    ['a date', raw`select ${'2020-99-99 hunter2'}::date`],
    ['JSON', raw`select ${'{"a": hunter2}'}::json`],
    ['an array', raw`select ${'{hunter2'}::text[]`],
  ])('a value that is not %s is not quoted', async (_, statement) => {
    const error = await thrownBy(db.execute(statement))
    const record = describeError(error)
    expect(record.cause?.code).toMatch(/^22/)
    expect(JSON.stringify(record)).not.toContain('hunter2')
  })
})
