// Large bodies: what all requests hold of them at a time is bounded, and past it only a further large one is refused.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { serve } from '../../../src/kit/process/serve.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'

const LARGE = JSON.stringify({ text: 'x'.repeat(200_000) })

let app: TestApp
let server: ReturnType<typeof serve>
let url: string
let waiting: (() => void)[] = []
beforeAll(async () => {
  // Room for two of them.
  app = await startApp({ BODIES_MAX_BYTES: '500kb' })
  app.app.post('/api/waits', async (c) => {
    await c.req.text()
    await new Promise<void>((go) => waiting.push(go))
    return c.text('done')
  })
  app.app.post('/api/reads', async (c) => c.text(String((await c.req.text()).length)))
  server = serve(app.app, { ...app.config, port: 0 })
  url = server.url.origin
})
afterAll(async () => {
  for (const go of waiting) go()
  await server?.drain(1000)
  await app?.close()
})

const post = (path: string, body: string | ReadableStream<Uint8Array>) =>
  fetch(url + path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })

/** Without a Content-Length. */
const inChunks = (text: string) =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    },
  })

test('past the bound a further large body is 503 with Retry-After, small ones go on, and it heals', async () => {
  const held = [post('/api/waits', LARGE), post('/api/waits', LARGE)]
  await until('both to wait', () => waiting.length === 2)
  const refused = await post('/api/reads', LARGE)
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBeString()
  expect((await post('/api/reads', inChunks('{}'))).status).toBe(503)
  expect((await post('/api/reads', '{}')).status).toBe(200)
  for (const go of waiting) go()
  waiting = []
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
  const after = await post('/api/reads', LARGE)
  expect([after.status, await after.text()]).toEqual([200, String(LARGE.length)])
})

test('one alone is served, even if it is larger than the bound for all', async () => {
  const reply = await post('/api/reads', inChunks(LARGE))
  expect([reply.status, await reply.text()]).toEqual([200, String(LARGE.length)])
})
