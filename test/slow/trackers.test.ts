// The page's error tracker and exporter, as they stand there, in a service as production runs it, against stand-ins.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { SQL } from 'bun'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Client } from '../kit/support/client.ts'
import { type Checkout, copyCheckout } from '../kit/support/checkout.ts'
import { applyBlock, blocksOf } from '../kit/support/page.ts'
import { startService, type Service } from '../kit/support/supervised.ts'
import { until } from '../kit/support/until.ts'
import { NEW_ACCOUNT } from '../support/harness.ts'

const ROOT = join(import.meta.dir, '../..')
const PACKAGES = [
  '@opentelemetry/api@1.9.1',
  '@opentelemetry/exporter-trace-otlp-http@0.223.1',
  '@opentelemetry/resources@2.12.1',
  '@opentelemetry/sdk-trace-node@2.12.1',
  '@sentry/node@11.12.0',
]
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`

interface Got {
  path: string
  headers: Headers
  text: string
}
const got: Got[] = []
let stranger: ReturnType<typeof Bun.serve>
let checkout: Checkout
let service: Service

beforeAll(async () => {
  stranger = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const body = Buffer.from(await request.arrayBuffer())
      const text = body[0] === 0x1f ? gunzipSync(body).toString() : body.toString()
      got.push({ path: new URL(request.url).pathname, headers: request.headers, text })
      return Response.json({})
    },
  })
  checkout = copyCheckout()
  installBeside(checkout.root)
  for (const block of blocksOf(checkout.root, 'src/kit/log/README.md'))
    if (['Errors that nobody foresaw', 'Traces'].includes(block.heading)) applyBlock(checkout.root, block)
  const manifest = checkout
    .read('src/manifest.ts')
    .replace('=> ({\n    own: {', '=> ({\n    close: openTracing(opening[0]),\n    own: {')
    .replace('({ own: Own }', '({ own: Own; close(): Promise<void> }')
    .replace('{ own: Own } => ({', '{ own: Own; close(): Promise<void> } => ({')
    .replace('import { roles }', "import { openTracing } from './tracing/open.ts'\nimport { roles }")
  writeFileSync(join(checkout.root, 'src/manifest.ts'), manifest)
  const { origin, host } = stranger.url
  service = await startService(
    {
      WEB_PROCESSES: '1',
      WORKER_PROCESSES: '1',
      SIGNUP_ROLE: 'editor',
      SENTRY_DSN: `http://key@${host}/1`,
      OTEL_EXPORTER_OTLP_ENDPOINT: origin,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
    { of: 'project', folder: checkout.root },
  )
})
afterAll(async () => {
  await service?.close()
  checkout?.remove()
  await stranger?.stop(true)
})

/** The packages of the page in a folder of the checkout's own, and those of this one beside them. */
function installBeside(root: string): void {
  const modules = join(root, 'node_modules')
  rmSync(modules)
  mkdirSync(modules)
  const folder = join(root, 'tracker-packages')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const done = Bun.spawnSync(['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...PACKAGES], {
    cwd: folder,
  })
  if (!done.success) throw new Error(done.stderr.toString())
  for (const from of [join(folder, 'node_modules'), join(ROOT, 'node_modules')])
    for (const name of readdirSync(from))
      if (!existsSync(join(modules, name))) symlinkSync(join(from, name), join(modules, name))
}

async function member() {
  const client = new Client(service.url)
  const account = { ...NEW_ACCOUNT, email: `${crypto.randomUUID()}@example.com` }
  expect((await client.post('/api/signup', account, { traceparent })).status).toBe(201)
  return client
}

interface Span {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: { key: string; value: { stringValue?: string } }[]
}
const spans = (): Span[] =>
  got
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ text }) => JSON.parse(text).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope: { spans: Span[] }) => scope.spans))

test('one trace holds request, queries, commands, what was enqueued by the outbox, the job, and what a receiver is told', async () => {
  const client = await member()
  const made = await client.post('/api/me/webhooks', { url: `${stranger.url.origin}/hook` })
  expect(made.status).toBe(201)
  const path = `/api/me/webhooks/${made.body.id}/test`
  expect((await client.post(path, {}, { traceparent, tracestate: 'gateway=inner' })).status).toBe(202)
  const told = await until('the receiver to be told', () => got.find((one) => one.path === '/hook'))
  const ofTrace = () => spans().filter(({ traceId }) => traceId === TRACE)
  const named = (name: string) => ofTrace().find((span) => span.name === name)
  const above = (span: Span | undefined) => ofTrace().find(({ spanId }) => spanId === span?.parentSpanId)
  await until('the span of the delivery', () => named('process deliverWebhook'))
  await until('the span of the mail', () => named('process sendWelcome') ?? named('process mailLink'))

  const request = named('POST /api/me/webhooks/:id/test')
  expect(request?.parentSpanId).toBe('00f067aa0ba902b7')
  const enqueued = named('enqueue deliverWebhook')
  expect(above(enqueued)?.spanId).toBe(String(request?.spanId))
  const job = named('process deliverWebhook')
  expect(above(job)?.spanId).toBe(String(enqueued?.spanId))
  expect(told.headers.get('tracestate')).toBeNull()
  expect(told.headers.get('traceparent')).toBe(`00-${TRACE}-${job?.spanId}-01`)
  const below = (span: Span | undefined) =>
    ofTrace()
      .filter(({ parentSpanId }) => parentSpanId === span?.spanId)
      .map(({ name }) => name)
  expect(below(request)).toContain('insert outbox')
  expect(below(job)).toContain('select webhook_deliveries')
  expect(ofTrace().map(({ name }) => name)).toContain('getex')
  const lines = service.lines(TRACE).map(({ msg }) => msg)
  expect(lines).toContain('request')
  expect(lines).toContain('job done')
  expect(JSON.stringify(spans())).not.toContain('@example.com')
  expect(JSON.stringify(spans())).not.toContain(NEW_ACCOUNT.password)
})

test('an unexpected error arrives with release, route and request id, and without what was asked for', async () => {
  const client = await member()
  const sql = new SQL(service.databaseUrl)
  await sql`alter table movies rename to films`
  const reply = await client.get('/api/movies?search=hunter2', { traceparent })
  expect(reply.status).toBe(500)
  const isEnvelope = ({ path, text }: Got) =>
    path.endsWith('/envelope/') && text.includes(reply.body.requestId)
  const { text, path } = await until('the tracker to be told', () => got.find(isEnvelope))
  await sql`alter table films rename to movies`
  await sql.close()
  expect(path).toBe('/api/1/envelope/')
  const [head = '', item = '', event = ''] = text.split('\n')
  expect(JSON.parse(head)).toMatchObject({ event_id: expect.any(String) })
  expect(JSON.parse(item)).toMatchObject({ type: 'event' })
  const { release, tags, exception } = JSON.parse(event)
  expect(release).toMatch(/^restbun@\d/)
  expect(tags).toMatchObject({
    in: 'request',
    method: 'GET',
    route: '/api/movies',
    requestId: reply.body.requestId,
    traceId: TRACE,
  })
  const { type, stacktrace } = exception.values.at(-1)
  expect(type).toBe('DrizzleQueryError')
  expect(stacktrace.frames.length).toBeGreaterThan(0)
  expect(text).not.toContain('hunter2')
  expect(text).not.toContain('@example.com')
})

test('a process that dies unasked is told by the supervisor', async () => {
  const worker = service.processes().find(({ name }) => name === 'worker 1')
  process.kill(worker?.pid ?? 0, 'SIGKILL')
  await until('the tracker to be told', () =>
    got.find(({ path, text }) => path.endsWith('/envelope/') && text.includes('worker 1 died')),
  )
  await service.untilSteady()
})
