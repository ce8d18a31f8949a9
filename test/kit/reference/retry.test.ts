// The retries of the typed client: what fails in passing is sent again, and nothing is done twice.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { hc } from 'hono/client'
import { type RetryOptions, retryingFetch, withKeys } from '../../../src/kit/reference/retry.ts'
import type { createApp } from '../product/app.ts'
import { notes } from '../product/table.ts'
import { type FaultyLink, openLink } from '../support/faulty-link.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'

const URL = 'http://api.test/things'
const NOW = Date.parse('2026-03-01T12:00:00Z')

type Outcome = number | Error | (() => Response)

/** Sends by a network that answers these outcomes in turn, the last one from then on, by a clock that nobody waits for. */
function network(outcomes: Outcome[], options?: RetryOptions, random = 0) {
  const sent: { body: RequestInit['body']; headers: Headers }[] = []
  const pauses: number[] = []
  let now = NOW
  const send = async (_: unknown, init: RequestInit = {}) => {
    const outcome = outcomes[Math.min(sent.length, outcomes.length - 1)] ?? 200
    sent.push({ body: init.body, headers: new Headers(init.headers) })
    if (outcome instanceof Error) throw outcome
    return typeof outcome === 'number' ? new Response('{}', { status: outcome }) : outcome()
  }
  const clock = {
    now: () => now,
    random: () => random,
    pause: async (ms: number, signal?: AbortSignal | null) => {
      signal?.throwIfAborted()
      pauses.push(ms)
      now += ms
    },
  }
  return { fetch: retryingFetch(options, send, clock), sent, pauses }
}

const OFFLINE = new TypeError('fetch failed')
const KEYED = { method: 'POST', headers: { 'Idempotency-Key': 'k' }, body: '{}' }
const answer = (status: number, headers: Record<string, string>, body = '{}') =>
  new Response(body, { status, headers })

test.each<[what: string, Outcome, RequestInit, times: number]>([
  ['a network error', OFFLINE, {}, 2],
  ['429', 429, {}, 2],
  ['502', 502, { method: 'HEAD' }, 2],
  ['503', 503, { method: 'PUT', body: '{}' }, 2],
  ['504', 504, { method: 'DELETE' }, 2],
  ['a network error, with a key', OFFLINE, KEYED, 2],
  ['503 to a PATCH with a key', 503, { ...KEYED, method: 'PATCH' }, 2],
  [
    '503 to a change by If-Match with a key',
    503,
    { ...KEYED, headers: { ...KEYED.headers, 'If-Match': '"1"' } },
    2,
  ],
  ['a POST without a key', 503, { method: 'POST', body: '{}' }, 1],
  ['a PATCH without a key', 429, { method: 'PATCH', body: '{}' }, 1],
  ['a change by If-Match', 503, { method: 'PUT', body: '{}', headers: { 'if-match': '"1"' } }, 1],
  ['a stream as a body', 503, { ...KEYED, body: new ReadableStream() }, 1],
  ['400', 400, KEYED, 1],
  ['409', 409, KEYED, 1],
  ['422', 422, KEYED, 1],
  ['500', 500, {}, 1],
])('%s: %p, %p is sent so often: %i', async (_, outcome, init, times) => {
  const { fetch, sent } = network([outcome, 200])
  const reply = await fetch(URL, init)
  expect([sent.length, reply.status]).toEqual([times, times === 2 ? 200 : (outcome as number)])
})

test('where the first one with a key is still being done it waits; without a key 409 is the answer', async () => {
  const inProgress = () => answer(409, { 'Retry-After': '1' }, '{"code":"request_in_progress"}')
  const keyed = network([inProgress, inProgress, 201])
  expect((await keyed.fetch(URL, KEYED)).status).toBe(201)
  expect(keyed.pauses).toEqual([1000, 1000])
  const without = network([inProgress, 201])
  const reply = await without.fetch(URL, { method: 'PUT', body: '{}' })
  expect([reply.status, await reply.json()]).toEqual([409, { code: 'request_in_progress' }])
})

test.each([
  ['7', 7000],
  ['Sun, 01 Mar 2026 12:00:09 GMT', 9000],
  ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
  ['soon', 0],
])('it waits as long as Retry-After says, %j, and a random while more', async (after, ms) => {
  const { fetch, pauses } = network([() => answer(503, { 'Retry-After': after }), 200], {}, 0.5)
  await fetch(URL)
  expect(pauses).toEqual([ms + 250])
})

test('pauses are random, and their bound doubles up to eight seconds', async () => {
  const { fetch, pauses } = network([OFFLINE], { attempts: 8, withinMs: 60_000 }, 1)
  expect(await fetch(URL).catch((error: unknown) => error)).toBe(OFFLINE)
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000])
})

test('it ends after so many attempts or so much time, with what came last', async () => {
  const often = network([OFFLINE, 502, 503], { attempts: 3 })
  expect([(await often.fetch(URL)).status, often.sent.length]).toEqual([503, 3])
  const long = network([429, () => answer(429, { 'Retry-After': '3600' })], { withinMs: 60_000 })
  const last = await long.fetch(URL)
  expect([last.headers.get('retry-after'), await last.text(), long.pauses]).toEqual(['3600', '{}', [0]])
  const once = network([503], { attempts: 1 })
  expect([(await once.fetch(URL)).status, once.sent.length]).toEqual([503, 1])
})

test('an aborted signal ends it at once, also while it waits', async () => {
  const waiting = new AbortController()
  const calls: unknown[] = []
  const send = async () => {
    calls.push(undefined)
    setTimeout(() => waiting.abort(new Error('left the page')))
    return answer(503, { 'Retry-After': '20' })
  }
  await expect(retryingFetch({}, send)(URL, { signal: waiting.signal })).rejects.toThrow('left the page')
  const before = AbortSignal.abort(new Error('gone'))
  const { fetch, sent } = network([before.reason as Error])
  await expect(fetch(URL, { signal: before })).rejects.toThrow('gone')
  expect([calls.length, sent.length]).toEqual([1, 1])
})

test('a form is sent again byte by byte, with the same boundary', async () => {
  const body = new FormData()
  body.append('name', 'Ann')
  const { fetch, sent } = network([503, 200])
  await fetch(URL, { method: 'PUT', body })
  const [first, second] = await Promise.all(
    sent.map(async ({ body, headers }) => [headers.get('content-type'), await new Response(body).text()]),
  )
  expect(first?.[0]).toStartWith('multipart/form-data; boundary=')
  expect(second).toEqual(first)
})

test('an answer that breaks off is sent for again, where a key says that it is the same', async () => {
  const broken = () =>
    new Response(new ReadableStream({ pull: (stream) => stream.error(OFFLINE) }), { status: 201 })
  const { fetch, sent } = network([broken, () => answer(201, {}, '{"id":"1"}')])
  expect(await (await fetch(URL, KEYED)).json()).toEqual({ id: '1' })
  expect(sent).toHaveLength(2)
})

/** What a client of these routes sends: method, path and key. */
function recorded(routes: string[]) {
  const calls: [string, string | null][] = []
  const fetch = async (input: unknown, init?: RequestInit) => {
    calls.push([
      `${init?.method} ${String(input).slice(5)}`,
      new Headers(init?.headers).get('idempotency-key'),
    ])
    return new Response('{}')
  }
  const headers = async () => ({ Authorization: 'Bearer x' })
  return { client: withKeys(hc<ReturnType<typeof createApp>>('http:', { fetch, headers }), routes), calls }
}

test('calls of the routes that are named have a key each, those of others none; a given key counts', async () => {
  const { client, calls } = recorded(['POST /club/notes', 'DELETE /club/notes/:id'])
  const note = { json: { text: 'x' } }
  await client.club.notes.$post(note)
  await client.club.notes.$post(note, { headers: { 'X-Other': '1' } })
  await client.club.notes.$post(note, { headers: { 'idempotency-key': 'mine' } })
  await client.club.notes.$post(note, { headers: () => ({ 'Idempotency-Key': 'made' }) })
  await client.club.notes.$get({ query: {} })
  await client.club.notes[':id'].$put({ param: { id: '1' }, json: {} })
  await client.club.notes[':id'].$delete({ param: { id: '1' } })
  const key = expect.stringMatching(/^[0-9a-f]{32}$/)
  expect(calls).toEqual([
    ['POST /club/notes', key],
    ['POST /club/notes', key],
    ['POST /club/notes', 'mine'],
    ['POST /club/notes', 'made'],
    ['GET /club/notes', null],
    ['PUT /club/notes/1', null],
    ['DELETE /club/notes/1', key],
  ])
  expect(calls[0]?.[1]).not.toBe(calls[1]?.[1])
  expect(client.club.notes[':id'].$path({ param: { id: '7' } })).toBe('/club/notes/7')
})

let app: TestApp
let link: FaultyLink
let cut: Promise<void> | undefined
let isDying = false
beforeAll(async () => {
  app = await startApp()
  link = await openLink(app.url, (text) => {
    if (isDying) cut = link.cut()
    isDying = false
    return text
  })
})
afterAll(async () => {
  await link.close()
  await app.close()
})

/** A client of a server that dies as soon as it has answered, is away at the next try, and back at the third. */
async function clientOf(routes: string[]) {
  const member = await app.member()
  const headers = { Cookie: `session=${member.cookies.get('session')}` }
  let pauses = 0
  const pause = async () => {
    await cut
    if (++pauses === 2) await link.restore()
  }
  const fetch = retryingFetch({}, undefined, { now: Date.now, random: () => 0, pause })
  isDying = true
  return withKeys(hc<ReturnType<typeof createApp>>(link.url, { headers, fetch }), routes)
}

test('a server that dies after the commit, before its answer arrives: one row, and its answer', async () => {
  const client = await clientOf(['POST /club/notes'])
  const reply = await client.club.notes.$post({ json: { text: 'once' } })
  expect([reply.status, reply.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
  const rows = await app.deps.db.select().from(notes).where(eq(notes.text, 'once'))
  expect(rows.map(({ id }) => id)).toEqual([(await reply.json()).id])
})

test('without a key the call fails, and is not sent again', async () => {
  const client = await clientOf([])
  await expect(client.club.notes.$post({ json: { text: 'unsure' } })).rejects.toThrow()
  await until('the row', async () => (await app.deps.db.$count(notes, eq(notes.text, 'unsure'))) > 0)
  await cut
  await link.restore()
  expect(await app.deps.db.$count(notes, eq(notes.text, 'unsure'))).toBe(1)
})
