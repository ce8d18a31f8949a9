// A job that its owner cancels over HTTP.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { hc } from 'hono/client'
import { z } from 'zod'
import { defaultAbility } from '../../../src/kit/http/token-ability.ts'
import { jobStatus } from '../../../src/kit/job-status/routes.ts'
import { defineTask, type Task } from '../../../src/kit/jobs/task.ts'
import { factory, requireRole } from '../product/product.ts'
import { openStream } from '../support/events.ts'
import { kitRoutes, startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { startTestWorker } from '../support/worker.ts'

const common = { input: z.object({}), keepResultMs: 60_000 }
const ran: string[] = []
const aborted: string[] = []
/** Runs until it is told to stop, in a queue of its own. */
const endless = defineTask({
  name: 'endless',
  queue: 'own',
  ...common,
  cancellable: true,
  run: async (_input, { id, signal }) => {
    ran.push(id)
    const stopped = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => {
      aborted.push(id)
      stopped.reject(signal.reason)
    })
    await stopped.promise
  },
})
const plain = defineTask({ name: 'plain', ...common, run: () => 'done' })

type Member = Awaited<ReturnType<TestApp['member']>>
let app: TestApp
let ann: Member
beforeAll(async () => {
  app = await startApp()
  ann = await app.member()
})
afterAll(() => app.close())

const enqueue = async (isPlain = false) => {
  const task: Task<typeof common.input> = isPlain ? plain : endless
  const { id } = await app.deps.enqueue(task, {}, { by: ann.user.id })
  return { id, path: `/api/jobs/${id}` }
}
const stateOf = async (path: string) => (await ann.get(path)).body.state

test('it is cancelled for good, before it starts and while it runs; its stream ends; again is the same', async () => {
  const waiting = await enqueue()
  expect((await ann.get(waiting.path)).body).toMatchObject({ state: 'waiting', cancellable: true })
  const stream = await openStream(ann, `${waiting.path}/events`)
  await until('an event', () => stream.events().length === 1)
  const cancelled = { id: waiting.id, task: 'endless', state: 'cancelled' }
  for (let i = 0; i < 2; i++) {
    const { status, body } = await ann.delete(waiting.path)
    expect([status, body]).toEqual([200, cancelled])
  }
  expect(await stream.ended).toBe(true)
  expect(stream.events().at(-1)).toEqual(cancelled)

  const worker = await startTestWorker(app, [endless, plain])
  try {
    const running = await enqueue()
    await until('it to run', () => ran.includes(running.id))
    expect((await ann.delete(running.path)).body.state).toBe('cancelled')
    await until('its signal', () => aborted.includes(running.id))
    expect(await stateOf(running.path)).toBe('cancelled')
    expect(ran).toEqual([running.id])
    expect((await ann.get(waiting.path)).body).toEqual(cancelled)
  } finally {
    await worker.stop()
  }
})

test('what belongs to somebody else is not there; a job of another kind says that it cannot be', async () => {
  const job = await enqueue()
  for (const other of [await app.member(), await app.member('owner')]) {
    const reply = await other.delete(job.path)
    expect([reply.status, reply.body.err]).toEqual([404, `404: ${job.path}`])
  }
  expect((await app.visitor().delete(job.path)).status).toBe(401)
  expect((await ann.delete('/api/jobs/nothing')).status).toBe(404)
  expect(await stateOf(job.path)).toBe('waiting')

  const fixed = await enqueue(true)
  const refused = await ann.delete(fixed.path)
  expect([refused.status, refused.body.code]).toEqual([409, 'not_cancellable'])
  await ann.delete(job.path)
  const worker = await startTestWorker(app, [endless, plain])
  try {
    // One that has ended stays as it is.
    await until('its end', async () => (await stateOf(fixed.path)) === 'done')
    const { status, body } = await ann.delete(fixed.path)
    expect([status, body.state, body.result]).toEqual([200, 'done', 'done'])
  } finally {
    await worker.stop()
  }
})

test('a program needs the ability to write, as for all that is no reading; the typed client has the call', async () => {
  const route = kitRoutes().find(({ method, path }) => method === 'DELETE' && path === '/api/jobs/:id')
  expect([route?.role, route?.ability, defaultAbility('DELETE')]).toEqual(['reader', undefined, 'write'])
  const job = await enqueue()
  const routes = factory.createApp().route('/api/jobs', jobStatus({ requireRole, role: 'reader' }))
  const { api } = hc<typeof routes>(app.url, {
    headers: { Cookie: ann.cookieHeader },
  })
  const reply = await api.jobs[':id'].$delete({ param: { id: job.id } })
  // What the compiler knows.
  const { state }: { state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled' } = await reply.json()
  expect(state).toBe('cancelled')
  expect((await (await api.jobs[':id'].$get({ param: { id: job.id } })).json()).state).toBe('cancelled')
})
