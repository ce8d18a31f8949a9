// Channels as their listeners see them: what is published is told, in order, to those who may hear it, and to nobody else.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openStream } from '../support/events.ts'
import { NEW_MEMBER, startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { startTestWorker } from '../support/worker.ts'
import { parseText } from '../../../src/kit/channels/channel.ts'
import { tellChannel } from '../../../src/kit/channels/publish.ts'
import type { EventStream } from '../../../src/kit/http/event-stream.ts'
import { ownChannel, roomChannel, shownOut, staffChannel } from './mounted.ts'
import { depsOf, listen, publishOf } from './support.ts'

type Member = Awaited<ReturnType<TestApp['member']>>
let app: TestApp
let ann: Member
beforeAll(async () => {
  app = await startApp()
  ann = await app.member()
})
afterAll(() => app.close())

const publish = ((...args: Parameters<ReturnType<typeof publishOf>>) =>
  publishOf(app)(...args)) as ReturnType<typeof publishOf>
let rooms = 100
/** A room that no other test is in. */
const newRoom = () => rooms++

test('one stream tells the events of several channels, in their order', async () => {
  const number = newRoom()
  const listener = listen(ann, [`room:${number}`, 'self:mail'])
  await until('it to be connected', () => listener.connected() === 1)
  const stream = await openStream(ann, `/api/channels?on=room:${number}&on=self:mail`)
  expect([stream.status, stream.headers.get('content-type'), stream.headers.get('cache-control')]).toEqual([
    200,
    'text/event-stream',
    'no-store',
  ])
  await until('its position', () => /^id: /m.test(stream.text()))
  for (const n of [1, 2, 3]) {
    await publish(roomChannel, { number }, { n, text: 'two\nlines' })
    await publish(ownChannel, { userId: ann.user.id, topic: 'mail' }, { n: n * 10 })
  }
  await until('all of them', () => stream.events().length === 6)
  expect(stream.events().filter(({ n }) => n < 10)).toEqual([1, 2, 3].map((n) => ({ n, text: 'two\nlines' })))
  await until('all of them', () => Object.values(listener.told).flat().length === 6)
  expect(listener.told).toEqual({ [`room:${number}`]: [1, 2, 3], 'self:mail': [10, 20, 30] })
  expect(stream.text()).toMatch(/^retry: \d+\n\nid: \S+\n\nid: \S+\nevent: room:\d+\ndata: /)
  stream.leave()
  listener.stop()
})

test('what is published by one process is told by all', async () => {
  const other = await startApp({ DATABASE_URL: app.config.databaseUrl, REDIS_PREFIX: app.config.redisPrefix })
  const number = newRoom()
  const listener = listen(ann, [`room:${number}`], { url: () => other.url })
  await until('it to be connected', () => listener.connected() === 1)
  await until('the events', async () => {
    await publish(roomChannel, { number }, { n: 1 })
    return listener.told[`room:${number}`]?.length
  })
  listener.stop()
  await other.close()
})

test('with a transaction it is told after the commit, in its order and once, or not at all', async () => {
  const number = newRoom()
  const worker = await startTestWorker(app, [tellChannel as never])
  const stream = await openStream(ann, `/api/channels?on=room:${number}`)
  await until('its position', () => /^id: /m.test(stream.text()))
  try {
    await app.deps.db
      .transaction(async (tx) => {
        await publish(tx, roomChannel, { number }, { n: 666 })
        throw new Error('undone')
      })
      .catch(() => {})
    for (const start of [1, 11]) {
      await app.deps.db.transaction(async (tx) => {
        for (let n = start; n < start + 10; n++) await publish(tx, roomChannel, { number }, { n })
      })
    }
    await until('all of them', () => stream.events().length >= 20)
    expect(stream.events()).toEqual(Array.from({ length: 20 }, (_, i) => ({ n: i + 1 })))
    // A job may run twice.
    const job = { id: 'twice' } as never
    for (const n of [1, 2])
      await tellChannel.execute({ key: `room:${number}`, text: `{"n":${n}}` }, job, app.deps as never)
    await publish(roomChannel, { number }, { n: 99 })
    await until('the last', () => stream.events().at(-1)?.n === 99)
    expect(stream.events().slice(20)).toEqual([{ n: 1 }, { n: 99 }])
  } finally {
    stream.leave()
    await worker.stop()
  }
})

test("no name leads to another account's channel, to one of a higher role, or to one that is not there", async () => {
  const bob = await app.member()
  const number = newRoom()
  shownOut.set(bob.user.id, number)
  const texts = [
    'staff',
    `self:${ann.user.id}:mail`,
    'self',
    'self:a:b',
    `room:${number}`,
    'room:0',
    'room:x',
  ]
  for (const text of [
    ...texts,
    'room',
    'nothing',
    'room:1:2',
    'room:%',
    'toString',
    '__proto__',
    ':',
    'room:1%0Aid:2',
  ]) {
    const { status, body } = await bob.get(`/api/channels?on=self:mail&on=${encodeURIComponent(text)}`)
    expect([text, status, body?.code]).toEqual([text, 404, 'channel_not_found'])
  }
  expect((await app.visitor().get('/api/channels?on=self:mail')).status).toBe(401)
  const stream = await openStream(bob, '/api/channels?on=self:mail')
  await until('its position', () => /^id: /m.test(stream.text()))
  await publish(ownChannel, { userId: ann.user.id, topic: 'mail' }, { n: 1 })
  await publish(ownChannel, { userId: bob.user.id, topic: 'mail' }, { n: 2 })
  await until('its own', () => stream.events().length > 0)
  expect(stream.events()).toEqual([{ n: 2 }])
  stream.leave()
})

test('a request that names no channel, too many or too long a name is refused', async () => {
  const many = Array.from({ length: 21 }, (_, i) => `on=room:${i + 1}`).join('&')
  for (const query of ['', 'on=', many, `on=${'x'.repeat(201)}`, 'on=room:1&on='])
    expect([query, (await ann.get(`/api/channels?${query}`)).status]).toEqual([query, 400])
  // One channel by two spellings is one.
  const stream = await openStream(ann, '/api/channels?on=room:7&on=room:07&on=room:7')
  await until('its position', () => /^id: /m.test(stream.text()))
  await publish(roomChannel, { number: 7 }, { n: 1 })
  await publish(roomChannel, { number: 7 }, { n: 2 })
  await until('both', () => stream.events().length >= 2)
  expect(stream.events()).toEqual([{ n: 1 }, { n: 2 }])
  stream.leave()
})

test('an event that is not as declared, or too large, is refused, and what is not declared is left out', async () => {
  const number = newRoom()
  const stream = await openStream(ann, `/api/channels?on=room:${number}`)
  await until('its position', () => /^id: /m.test(stream.text()))
  expect(publish(roomChannel, { number }, { n: 'geheim' as never })).rejects.toThrow(
    /channel "room" refuses its event: n: /,
  )
  const large = { n: 1, text: 'ü'.repeat(4090) }
  expect(publish(roomChannel, { number }, large)).rejects.toThrow(/8\d\d\d bytes, at most 8192/)
  await publish(roomChannel, { number }, {
    n: 1,
    secret: 'geheim',
    text: 'id: 1\n\nevent: reset\r\rdata: "x"',
  } as never)
  await until('it', () => stream.events().length === 1)
  expect(stream.events()).toEqual([{ n: 1, text: 'id: 1\n\nevent: reset\r\rdata: "x"' }])
  expect(stream.text()).not.toContain('\nevent: reset')
  stream.leave()
})

test('a client that reconnects gets what came meanwhile, of each channel, once', async () => {
  const number = newRoom()
  const names = `on=room:${number}&on=self:mail&on=room:${number + 1}`
  rooms++
  const own = { userId: ann.user.id, topic: 'mail' }
  const first = await openStream(ann, `/api/channels?${names}`)
  await until('its position', () => /^id: /m.test(first.text()))
  await publish(roomChannel, { number }, { n: 1 })
  await publish(ownChannel, own, { n: 2 })
  await until('both', () => first.events().length === 2)
  first.leave()
  for (let n = 3; n < 63; n++) await publish(roomChannel, { number }, { n })
  await publish(ownChannel, own, { n: 63 })
  const ids = [...first.text().matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id)
  const from = ids.at(-1) ?? ''
  const second = await openStream(ann, `/api/channels?${names}`, { 'Last-Event-ID': from })
  await until('what was missed', () => second.events().length >= 61)
  await publish(roomChannel, { number: number + 1 }, { n: 64 })
  await until('the newest', () => second.events().length >= 62)
  expect(second.events().map(({ n }) => n)).toEqual(Array.from({ length: 62 }, (_, i) => i + 3))
  expect(second.text()).not.toContain('event: reset')
  second.leave()
  // The position before all: it comes once more.
  const third = await openStream(ann, `/api/channels?${names}`, { 'Last-Event-ID': ids[0] ?? '' })
  await until('all', () => third.events().length >= 64)
  third.leave()
})

test('what cannot be filled is said: forged ids, those of other channels, and more events than are kept', async () => {
  const number = newRoom()
  const path = `/api/channels?on=room:${number}`
  const first = await openStream(ann, path)
  await until('its position', () => /^id: /m.test(first.text()))
  const id = /^id: (.*)$/m.exec(first.text())?.[1] ?? ''
  first.leave()
  const garbage = [
    'x',
    '',
    '0',
    '1-1',
    id.slice(1),
    `${id},0-0`,
    id.replace(/^./, '!'),
    `${id}x`,
    'x'.repeat(4000),
  ]
  for (const given of garbage.filter((text) => text !== '')) {
    const stream = await openStream(ann, path, { 'Last-Event-ID': given })
    expect(stream.status).toBe(200)
    await until(`a reset for ${given.slice(0, 50)}`, () => stream.text().includes('event: reset'))
    expect(stream.events()).toEqual([`room:${number}`])
    stream.leave()
  }
  const elsewhere = await openStream(ann, '/api/channels?on=room:99', { 'Last-Event-ID': id })
  await until('a reset', () => elsewhere.text().includes('event: reset'))
  elsewhere.leave()
  for (let n = 0; n < 510; n++) await publish(roomChannel, { number }, { n })
  const late = await openStream(ann, path, { 'Last-Event-ID': id })
  await until('a reset', () => late.events().length > 0)
  await publish(roomChannel, { number }, { n: 1000 })
  await until('what follows', () => late.events().length > 1)
  expect(late.events()).toEqual([`room:${number}`, { n: 1000 }])
  late.leave()
})

const ENDS: [what: string, end: (bob: Member) => unknown][] = [
  ['a logout', (bob) => bob.post('/club/leave')],
  ['an account that was disabled', (bob) => app.changeRole(bob.user.id, 'banned')],
  ['a change of role', (bob) => app.changeRole(bob.user.id, 'reader')],
  ['what its channel decides', (bob) => shownOut.set(bob.user.id, 31)],
]
test('a stream ends by itself after a logout, a change of role, or what its channel decides by now', async () => {
  const streams = ENDS.map(async ([what, end]) => {
    const bob = await app.member()
    const stream = await openStream(bob, '/api/channels?on=self:mail&on=room:31')
    await until('its position', () => /^id: /m.test(stream.text()))
    await end(bob)
    return [what, await stream.ended]
  })
  expect(await Promise.all(streams)).toEqual(ENDS.map(([what]) => [what, true]))
})

test('a client that reads slowly what it has missed is asked whether it may, too', async () => {
  const number = newRoom()
  const path = `/api/channels?on=room:${number}`
  const first = await openStream(ann, path)
  await until('its position', () => /^id: /m.test(first.text()))
  const lastEventId = /^id: (.*)$/m.exec(first.text())?.[1] ?? ''
  first.leave()
  for (let n = 0; n < 100; n++) await publish(roomChannel, { number }, { n })
  let [written, asked] = [0, 0]
  const stream: EventStream = {
    send: () => {},
    write: () => void written++,
    wait: () => Bun.sleep(1).then(() => true),
    wake: () => {},
    drained: async () => true, // it has read what there was
  }
  const channel = parseText(new Map([['room', roomChannel]]), `room:${number}`, ann.user.id)
  const mayGoOn = async () => ++asked < 3
  await depsOf(app).channelHub.follow(stream, channel ? [channel] : [], { lastEventId, mayGoOn, everyMs: 0 })
  expect([written, asked]).toEqual([50, 3])
})

test('a bearer token listens, and so does a page of a listed origin', async () => {
  const { email, password } = ann.account
  const { body } = await app.visitor().post('/club/enter', { email, password, token: true })
  const number = newRoom()
  const listener = listen(app.visitor(), [`room:${number}`], {
    headers: { Authorization: `Bearer ${body.token}` },
  })
  await until('an event', async () => {
    await publish(roomChannel, { number }, { n: 1 })
    return listener.told[`room:${number}`]?.length
  })
  listener.stop()
  const stream = await openStream(ann, '/api/channels?on=self:mail', { Origin: 'http://localhost:5173' })
  const cors = ['access-control-allow-origin', 'access-control-allow-credentials']
  expect(cors.map((name) => stream.headers.get(name))).toEqual(['http://localhost:5173', 'true'])
  stream.leave()
})

test('of many streams that are opened at once an account, and a process, get no more than of those one after the other', async () => {
  const small = await startApp({ CHANNEL_STREAMS: '25' })
  const [bob, carl] = [await small.member(), await small.member()]
  const open = (member: Member) =>
    Promise.all(Array.from({ length: 30 }, () => openStream(member, '/api/channels?on=self:mail')))
  const streams = (await Promise.all([open(bob), open(carl)])).map((of) => of.map(({ status }) => status))
  expect(streams.flat().filter((status) => status === 200)).toHaveLength(25)
  for (const of of streams) expect(of.filter((status) => status === 200).length).toBeLessThanOrEqual(20)
  await small.close()
})

test('an account has only so many streams, and a process too; who leaves makes room', async () => {
  const bob = await app.member()
  const open = () => openStream(bob, '/api/channels?on=self:mail')
  const streams = await Promise.all(Array.from({ length: 20 }, open))
  expect(streams.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect((await open()).status).toBe(429)
  streams[0]?.leave()
  await until('room', async () => {
    const { status, leave } = await open()
    leave()
    return status === 200
  })
  for (const { leave } of streams) leave()
  const small = await startApp({ CHANNEL_STREAMS: '1' })
  const carl = await small.member()
  const only = await openStream(carl, '/api/channels?on=self:mail')
  const reply = await carl.get('/api/channels?on=self:mail')
  expect([reply.status, reply.body.code]).toEqual([503, 'streams_full'])
  only.leave()
  await small.close()
})

test('a client that stops when its session has ended is told so, and does not come again', async () => {
  const client = app.visitor()
  await client.post('/club/join', { ...NEW_MEMBER, email: 'gone@example.com' })
  const cookie = client.cookieHeader
  await client.post('/club/leave')
  const listener = listen(client, ['self:mail'], { headers: { Cookie: cookie } })
  await until('its end', () => listener.ended() === 401)
  expect(staffChannel.name).toBe('staff')
})
