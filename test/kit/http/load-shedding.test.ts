// Load shedding: a route whose line is full refuses early, leaves the others alone, and serves again when it is over.
import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { BusyError, Gate } from '../../../src/kit/data/gate.ts'
import { onError } from '../../../src/kit/http/errors.ts'
import type { AppEnv } from '../../../src/kit/http/env.ts'
import { shedLoad } from '../../../src/kit/http/load-shedding.ts'
import { until } from '../support/until.ts'

/** An app with a line for one request behind the one that is served. */
function createApp() {
  const open = Promise.withResolvers<void>()
  const gate = new Gate({ places: 1, queue: 1, refusesEarly: true })
  const seen: string[] = []
  const app = new Hono<AppEnv>()
    .use(shedLoad())
    .use(async (c, next) => {
      seen.push(c.req.path)
      await next()
    })
    .post('/slow/:id', async (c) => c.text(await gate.run(() => open.promise.then(() => 'done'))))
    .get('/slow/:id', async (c) => c.text(await gate.run(() => open.promise.then(() => 'done'))))
    .get('/quick', (c) => c.text('done'))
  app.onError(onError)
  const post = async (path: string) => app.request(path, { method: 'POST' })
  return { app, post, seen, open: open.resolve }
}

test('what comes behind a full line is refused with Retry-After before anything is done, and other routes go on', async () => {
  const { app, post, seen, open } = createApp()
  const accepted = [post('/slow/1'), post('/slow/2')]
  expect((await post('/slow/3')).status).toBe(503)
  const refused = await post('/slow/4')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(await refused.json()).toMatchObject({ err: expect.stringMatching(/^503: Too many/) })
  expect((await app.request('/quick')).status).toBe(200)
  expect(seen).toEqual(['/slow/1', '/slow/2', '/slow/3', '/quick'])
  open()
  expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200])
  await until('the line to be open again', async () => (await post('/slow/5')).status === 200)
})

test('who leaves the line, or waits too long in it, closes it for nobody', async () => {
  const { app, seen } = createApp()
  const refusals = app.post('/gone', () => {
    throw new BusyError('gone')
  })
  expect((await refusals.request('/gone', { method: 'POST' })).status).toBe(503)
  expect((await refusals.request('/gone', { method: 'POST' })).status).toBe(503)
  expect(seen).toEqual(['/gone', '/gone'])
})

test('a request with a query is refused by its gate alone: it may have another one', async () => {
  const { app, seen, open } = createApp()
  const accepted = [app.request('/slow/1'), app.request('/slow/2')]
  expect((await app.request('/slow/3?search=x')).status).toBe(503)
  expect((await app.request('/slow/4')).status).toBe(503)
  expect(seen).toEqual(['/slow/1', '/slow/2', '/slow/3', '/slow/4'])
  open()
  await Promise.all(accepted)
})

test('where very many are refused they wait behind those that are served', async () => {
  const { app, post, open } = createApp()
  const accepted = [post('/slow/1'), post('/slow/2')]
  const refused = Array.from({ length: 1000 }, async () => post('/slow/3'))
  expect(await Promise.race([Promise.all(refused), (await app.request('/quick')).text()])).toBe('done')
  expect(new Set((await Promise.all(refused)).map(({ status }) => status))).toEqual(new Set([503]))
  open()
  expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200])
})
