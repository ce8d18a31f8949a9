// Load shedding: a route has so many requests under way and no more, and leaves the others alone.
import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { BusyError } from '../../../src/kit/data/gate.ts'
import { onError } from '../../../src/kit/http/errors.ts'
import type { AppEnv } from '../../../src/kit/http/env.ts'
import { shedLoad } from '../../../src/kit/http/load-shedding.ts'

function createApp(most: number) {
  const open = Promise.withResolvers<void>()
  const seen: string[] = []
  const app = new Hono<AppEnv>()
    .use(shedLoad(most))
    .use(async (c, next) => {
      seen.push(c.req.path)
      await next()
    })
    .get('/slow/:id', async (c) => {
      await open.promise
      return c.text('done')
    })
    .get('/quick', (c) => c.text('done'))
    .get('/full', () => {
      throw new BusyError('a line is full')
    })
  app.onError(onError)
  return { app, seen, open: open.resolve }
}

test('past its bound a route refuses with Retry-After before anything is done, and other routes go on', async () => {
  const { app, seen, open } = createApp(2)
  const accepted = [1, 2].map(async (id) => app.request(`/slow/${id}`))
  const refused = await app.request('/slow/3')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(await refused.json()).toMatchObject({ err: expect.stringMatching(/^503: Too many/) })
  expect((await app.request('/quick')).status).toBe(200)
  expect(seen).toEqual(['/slow/1', '/slow/2', '/quick'])
  open()
  expect((await Promise.all(accepted)).map(({ status }) => status)).toEqual([200, 200])
  expect((await app.request('/slow/4')).status).toBe(200)
})

test.each(['/slow/2', '/full'])(
  'where very many are refused (%s), they wait behind those that are served',
  async (path) => {
    const { app, open } = createApp(1)
    const accepted = app.request('/slow/1')
    const refused = Array.from({ length: 1000 }, async () => app.request(path))
    expect(await Promise.race([Promise.all(refused), (await app.request('/quick')).text()])).toBe('done')
    expect(new Set((await Promise.all(refused)).map(({ status }) => status))).toEqual(new Set([503]))
    open()
    expect((await accepted).status).toBe(200)
  },
)
