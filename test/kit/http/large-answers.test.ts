// Large answers: they arrive whole, and clients that do not read them cost a bounded amount of memory.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { serve } from '../../../src/kit/process/serve.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { until } from '../support/until.ts'

const ROWS = 500
// Of two bytes each: pieces are cut between bytes, and no letter may suffer.
const TITLE = 'é'.repeat(10_000)
const LIST = `/api/rows/${ROWS}`

let app: TestApp
// Beside the harness, which reads each answer to its end.
let server: ReturnType<typeof serve>
let url: string
beforeAll(async () => {
  // Room for one such list and a half.
  app = await startApp({ ANSWERS_MAX_BYTES: '15mb' })
  const Rows = z.array(z.object({ title: z.string() }))
  app.app.get('/api/rows/:count', doc('So many rows.', Rows), (c) =>
    c.var.respond(Array.from({ length: Number(c.req.param('count')) }, () => ({ title: TITLE }))),
  )
  server = serve(app.app, { ...app.config, port: 0 })
  url = server.url.origin
})
afterAll(async () => {
  await server?.drain(1000)
  await app?.close()
})

test('a large list arrives whole, and HEAD tells its length', async () => {
  const reply = await fetch(url + LIST)
  const body = await reply.text()
  const rows = JSON.parse(body) as { title: string }[]
  expect(rows).toHaveLength(ROWS)
  expect(rows.every(({ title }) => title === TITLE)).toBe(true)
  const head = await fetch(url + LIST, { method: 'HEAD' })
  expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(body)))
})

test('past the bound a further large answer is 503 with Retry-After, small ones go on, and it heals', async () => {
  const stalled = await Promise.all(
    Array.from({ length: 8 }, () =>
      Bun.connect({
        hostname: '127.0.0.1',
        port: Number(new URL(url).port),
        socket: {
          open(socket) {
            socket.pause()
            socket.write(`GET ${LIST} HTTP/1.1\r\nHost: x\r\n\r\n`)
          },
          data() {},
        },
      }),
    ),
  )
  const list = async () => {
    const reply = await fetch(url + LIST)
    await reply.text()
    return reply
  }
  await until('the bound to be reached', async () => (await list()).status === 503)
  expect((await list()).headers.get('retry-after')).toBeString()
  expect((await fetch(`${url}/api/rows/1`)).status).toBe(200)
  for (const socket of stalled) socket.terminate()
  await until('the memory to be free again', async () => (await list()).status === 200)
})
