// A job as the account that enqueued it sees it: asked for, followed, and nobody else's business.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import type { Job } from '../../../src/kit/jobs/task.ts'
import { defineTask, JobError } from '../../../src/kit/jobs/task.ts'
import { Client } from '../support/client.ts'
import { openStream } from '../support/events.ts'
import { NEW_MEMBER, startApp, type TestApp } from '../support/harness.ts'
import { serverEnv } from '../support/services.ts'
import { until } from '../support/until.ts'
import { startTestWorker } from '../support/worker.ts'

const Name = z.object({ name: z.string() })
const steps = new Map<string, Promise<unknown>[]>()

/** Goes on to half, and to its end, when the test says so. */
const stepwise = defineTask({
  name: 'stepwise',
  input: Name,
  keepResultMs: 60_000,
  async run({ name }, job: Job) {
    const [half, end] = steps.get(name) ?? []
    await half
    job.progress(0.5)
    await end
    return { hello: name }
  },
})
const failing = defineTask({
  name: 'failing',
  input: z.object({ safe: z.boolean() }),
  attempts: 1,
  keepResultMs: 60_000,
  run({ safe }) {
    throw safe ? new JobError('The disk is full') : new Error('select * from users where password=geheim')
  },
})
const huge = defineTask({
  name: 'huge',
  input: z.object({}),
  keepResultMs: 60_000,
  run: () => 'x'.repeat(2 * 1024 * 1024),
})
const brief = defineTask({ name: 'brief', input: z.object({}), keepResultMs: 300, run: () => 'gone soon' })

type Member = Awaited<ReturnType<TestApp['member']>>
let app: TestApp
let ann: Member
let worker: { stop(): Promise<void> }
beforeAll(async () => {
  app = await startApp()
  ann = await app.member()
  worker = await startTestWorker(app, [stepwise, failing, huge, brief])
})
afterAll(async () => {
  await worker.stop()
  await app.close()
})

/** A job that takes its steps when told; of ann, if nobody else is named. */
async function enqueueSteps(name: string, of = app, userId = ann.user.id) {
  const half = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  steps.set(name, [half.promise, end.promise])
  const { id } = await of.deps.enqueue(stepwise, { name }, { by: userId })
  return { id, path: `/api/jobs/${id}`, half: half.resolve, end: end.resolve }
}

const state = async (path: string, is: string) =>
  until(`${path} to be ${is}`, async () => {
    const { body } = await ann.get(path)
    return body.state === is ? body : undefined
  })

test('it runs, makes progress, and is done with its result', async () => {
  const job = await enqueueSteps('a')
  expect(await state(job.path, 'running')).toEqual({
    id: job.id,
    task: 'stepwise',
    state: 'running',
    progress: 0,
  })
  job.half()
  await until('half', async () => (await ann.get(job.path)).body.progress === 0.5)
  job.end()
  expect(await state(job.path, 'done')).toEqual({
    id: job.id,
    task: 'stepwise',
    state: 'done',
    result: { hello: 'a' },
  })
})

test('to everybody else it does not exist, superusers included', async () => {
  const job = await enqueueSteps('mine')
  const others = [await app.member(), await app.member('owner')]
  for (const path of [job.path, `${job.path}/events`]) {
    for (const other of others) {
      const reply = await other.get(path)
      expect([reply.status, reply.body.err]).toEqual([404, `404: ${path}`])
    }
    expect((await app.visitor().get(path)).status).toBe(401)
  }
  job.half()
  job.end()
})

test('an unknown id, one that cannot be, a job that nobody asked for, and an expired one are 404', async () => {
  const nobodys = await app.deps.enqueue(failing, { safe: true })
  for (const id of ['nothing', 'no%20id', 'x'.repeat(65), nobodys.id]) {
    expect((await ann.get(`/api/jobs/${id}`)).status).toBe(404)
    expect((await ann.get(`/api/jobs/${id}/events`)).status).toBe(404)
  }
  const { id } = await app.deps.enqueue(brief, {}, { by: ann.user.id })
  await until('its end', async () => (await ann.get(`/api/jobs/${id}`)).status === 404)
})

test('a failed job tells a message that was made to be told, and nothing else', async () => {
  const told = await app.deps.enqueue(failing, { safe: true }, { by: ann.user.id })
  const untold = await app.deps.enqueue(failing, { safe: false }, { by: ann.user.id })
  expect(await state(`/api/jobs/${told.id}`, 'failed')).toMatchObject({ error: 'The disk is full' })
  await state(`/api/jobs/${untold.id}`, 'failed')
  expect((await ann.get(`/api/jobs/${untold.id}`)).body).toEqual({
    id: untold.id,
    task: 'failing',
    state: 'failed',
    error: 'The task failed.',
  })
})

test('a result that is too large to be kept fails the job, and says so', async () => {
  const { id } = await app.deps.enqueue(huge, {}, { by: ann.user.id })
  const { error, result } = await state(`/api/jobs/${id}`, 'failed')
  expect(error).toMatch(/too large to be kept: 2097\d\d\d bytes.*at most 1048576/)
  expect(result).toBeUndefined()
})

test('a stream shows waiting, running and done, and then ends', async () => {
  const own = await startApp()
  const bob = await own.member()
  const job = await enqueueSteps('streamed', own, bob.user.id)
  const stream = await openStream(bob, `${job.path}/events`)
  expect([stream.status, stream.headers.get('content-type'), stream.headers.get('cache-control')]).toEqual([
    200,
    'text/event-stream',
    'no-store',
  ])
  await until('waiting', () => stream.events().length === 1)
  const helper = await startTestWorker(own, [stepwise])
  try {
    await until('running', () => stream.events().length === 2)
    job.half()
    await until('half', () => stream.events().length === 3)
    job.end()
    expect(await stream.ended).toBe(true)
    const common = { id: job.id, task: 'stepwise' }
    expect(stream.events()).toEqual([
      { ...common, state: 'waiting' },
      { ...common, state: 'running', progress: 0 },
      { ...common, state: 'running', progress: 0.5 },
      { ...common, state: 'done', result: { hello: 'streamed' } },
    ])
    expect(stream.text()).toMatch(/^retry: \d+\n\nid: waiting\ndata: /)
    // A browser connects again and says what it saw last: 204 is how it learns to stop.
    const again = await openStream(bob, `${job.path}/events`, { 'Last-Event-ID': 'done' })
    expect(again.status).toBe(204)
    const later = await openStream(bob, `${job.path}/events`)
    expect([await later.ended, later.events()]).toEqual([true, stream.events().slice(-1)])
  } finally {
    await helper.stop()
    await own.close()
  }
})

test('a token opens the stream too, and its end ends it', async () => {
  const { email, password } = ann.account
  const { body } = await app.visitor().post('/club/enter', { email, password, token: true })
  const bearer = { Authorization: `Bearer ${body.token}` }
  const job = await enqueueSteps('borne')
  const stream = await openStream(app.visitor(), `${job.path}/events`, bearer)
  expect(stream.status).toBe(200)
  await until('an event', () => stream.events().length > 0)
  await app.visitor(bearer).post('/club/leave', {})
  job.half()
  expect(await stream.ended).toBe(true)
  expect(stream.events().some(({ state: reached }) => reached === 'done')).toBe(false)
  job.end()
})

test("a stream outlives the request's deadline and the idle limit of connections", async () => {
  // The idle limit is then eight seconds, and a heartbeat comes after ten.
  const hasty = await startApp({ REQUEST_TIMEOUT_MS: '3000' })
  const bob = await hasty.member()
  const job = await enqueueSteps('patient', hasty, bob.user.id)
  const stream = await openStream(bob, `${job.path}/events`)
  await until('a heartbeat', () => /^:$/m.test(stream.text()))
  const helper = await startTestWorker(hasty, [stepwise])
  try {
    job.half()
    job.end()
    expect(await stream.ended).toBe(true)
    expect(stream.events().at(-1)).toMatchObject({ state: 'done' })
  } finally {
    await helper.stop()
    await hasty.close()
  }
})

test('an account follows ten jobs at a time; a client that leaves makes room', async () => {
  const job = await enqueueSteps('followed')
  const follow = () => openStream(ann, `${job.path}/events`)
  const streams = await Promise.all(Array.from({ length: 10 }, follow))
  expect(streams.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect((await follow()).status).toBe(429)
  expect((await ann.get(job.path)).status).toBe(200)
  // HEAD reads no events, and so takes no room.
  expect((await ann.send('HEAD', `${job.path}/events`)).status).toBe(429)
  streams[0]?.leave()
  const next = await until('room', async () => {
    const stream = await follow()
    return stream.status === 200 ? stream : undefined
  })
  job.half()
  job.end()
  expect(await next.ended).toBe(true)
  for (const stream of streams.slice(1)) expect(await stream.ended).toBe(true)
  const heads = Array.from({ length: 12 }, () => ann.send('HEAD', `${job.path}/events`))
  expect((await Promise.all(heads)).map(({ status }) => status)).toEqual(Array(12).fill(200))
})

test.each<[what: string, end: (own: TestApp, bob: Member) => Promise<unknown>]>([
  ['a logout', (_own, bob) => bob.post('/club/leave')],
  ['an account that was disabled', (own, bob) => own.changeRole(bob.user.id, 'banned')],
])('an open stream tells nothing more after %p', async (_what, end) => {
  const own = await startApp()
  const bob = await own.member()
  const job = await enqueueSteps('private', own, bob.user.id)
  const stream = await openStream(bob, `${job.path}/events`)
  await until('waiting', () => stream.events().length === 1)
  await end(own, bob)
  const helper = await startTestWorker(own, [stepwise])
  try {
    job.half()
    job.end()
    expect(await stream.ended).toBe(true)
    expect(stream.events()).toMatchObject([{ state: 'waiting' }])
  } finally {
    await helper.stop()
    await own.close()
  }
})

test('a drain ends streams in order, and the process exits', async () => {
  const server = Bun.spawn([process.execPath, join(import.meta.dir, 'server.ts')], {
    // No worker has this prefix: the job goes on waiting.
    env: serverEnv(app.config.databaseUrl, `${app.config.redisPrefix}drain:`),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let said = ''
  const reading = (async () => {
    for await (const chunk of server.stdout) said += new TextDecoder().decode(chunk)
  })()
  const url = await until('it to listen', () => /listening on (http\S+)\//.exec(said)?.[1])
  const client = new Client(url)
  await client.post('/club/join', { ...NEW_MEMBER, email: 'drained@example.com' })
  const { headers } = await client.post('/club/self/greeting')
  const stream = await openStream(client, `${headers.get('location')}/events`)
  await until('its first event', () => stream.events().length === 1)
  server.kill('SIGTERM')
  expect(await stream.ended).toBe(true)
  expect(await server.exited).toBe(0)
  await reading
  expect(stream.events()).toMatchObject([{ state: 'waiting' }])
})

test('it is kept by no cache, whoever asks', async () => {
  for (const client of [ann, app.visitor()]) {
    expect((await client.get('/api/jobs/none')).headers.get('cache-control')).toBe('no-store')
  }
})
