// Webhooks of another service: taken if it has signed them, now, and each of them once.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { describeRoutes, doc } from '../../../src/kit/http/doc.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { isSigned, newWebhookSecret, signWebhook } from '../../../src/kit/webhooks/sign.ts'
import { verifyWebhook } from '../../../src/kit/webhooks/verify.ts'
import { factory } from '../product/product.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const [OLD, NEW] = [newWebhookSecret(), newWebhookSecret()]
const PATH = '/club/payments'

let handled: unknown[] = []
let act = async (): Promise<void> => {}
const routes = factory
  .createApp()
  .post(
    '/payments',
    doc('Takes payments.', z.object({ amount: z.number() }), { status: 201 }),
    verifyWebhook({ name: 'payments', secrets: () => [OLD, NEW] }),
    validate('json', z.object({ amount: z.number() })),
    async (c) => {
      const input = c.req.valid('json')
      handled.push(input)
      await act()
      return c.var.respond(input)
    },
  )

let app: TestApp
beforeAll(async () => {
  app = await startApp({}, { foresees500: true })
  app.app.route('/club', routes)
})
afterAll(() => app.close())
beforeEach(() => {
  handled = []
  act = async () => {}
})

const now = () => Math.floor(Date.now() / 1000)
const START = now()

interface Sent {
  id?: string
  at?: number | string
  /** Seconds from now on. */
  after?: number
  /** What is signed, and sent if `sent` does not say otherwise. */
  body?: string
  sent?: string
  secrets?: string[]
  headers?: Record<string, string>
}

async function send({ id = crypto.randomUUID(), after = 0, body = '{"amount":5}', ...more }: Sent = {}) {
  const { at = now() + after, sent = body, secrets = [NEW], headers = {} } = more
  const signed = { id, timestamp: String(at), body }
  const reply = await app.visitor().post(PATH, sent, {
    'webhook-id': id,
    'webhook-timestamp': signed.timestamp,
    'webhook-signature': await signWebhook(secrets, signed),
    ...headers,
  })
  return reply.status < 400 ? String(reply.status) : `${reply.status} ${reply.body.code}`
}

test('signatures are those of Standard Webhooks', async () => {
  // From its specification.
  const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: '1614265330',
    body: '{"test": 2432232314}',
  }
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  expect(await signWebhook(secrets, message)).toBe(signature)
  expect(await isSigned(secrets, message, `v1a,bm8= ${signature}`)).toBe(true)
  expect(newWebhookSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
})

test('what is signed is handled, by whichever secret is valid', async () => {
  expect(await send()).toBe('201')
  expect(await send({ secrets: [OLD] })).toBe('201')
  expect(await send({ secrets: [newWebhookSecret(), OLD] })).toBe('201')
  expect(handled).toEqual([{ amount: 5 }, { amount: 5 }, { amount: 5 }])
})

describe('nothing is handled', () => {
  test.each<[string, Sent]>([
    ['by another secret', { secrets: [newWebhookSecret()] }],
    ['of another body', { sent: '{"amount":500}' }],
    ['of the same JSON in other bytes', { sent: '{"amount": 5}' }],
    ['under another id', { headers: { 'webhook-id': 'other' } }],
    ['at another time', { at: START - 60, headers: { 'webhook-timestamp': String(START - 59) } }],
    ['from before five minutes', { after: -301 }],
    ['from beyond five minutes', { after: 330 }],
    ['at a time that is none', { at: 'soon' }],
    ['at a time with a fraction', { at: `${now()}.5` }],
    ['at a negative time', { at: -now() }],
    ['without a signature', { headers: { 'webhook-signature': '' } }],
    ['by a signature of another version', { headers: { 'webhook-signature': `v2,${'A'.repeat(43)}=` } }],
    [
      'by signatures beyond number',
      { headers: { 'webhook-signature': `v1,${'A'.repeat(43)}= `.repeat(50) } },
    ],
    ['without an id', { id: '', headers: { 'webhook-id': '' } }],
    ['under an id that is too long', { id: 'x'.repeat(256) }],
  ])('%s', async (_, given) => {
    expect(await send(given)).toBe('401 bad_signature')
    expect(handled).toEqual([])
  })
})

test('where there is no secret nothing is taken', async () => {
  const { id, timestamp, body } = { id: 'a', timestamp: String(now()), body: '{}' }
  expect(await isSigned([], { id, timestamp, body }, `v1,${'A'.repeat(43)}=`)).toBe(false)
})

test('each id is handled once, and the sender learns nothing else', async () => {
  const id = crypto.randomUUID()
  expect([await send({ id }), await send({ id }), await send({ id, at: now() - 10 })]).toEqual([
    '201',
    '204',
    '204',
  ])
  expect(handled).toHaveLength(1)
})

/** The handler stays in the first event until it is let go. */
function holdHandler() {
  const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  act = () => {
    reached.resolve()
    return go.promise
  }
  return { reached: reached.promise, go }
}

test('while it is being handled a second one is told to come again', async () => {
  const id = crypto.randomUUID()
  const { reached, go } = holdHandler()
  const first = send({ id })
  await reached
  expect(await send({ id })).toBe('409 webhook_in_progress')
  go.resolve()
  expect([await first, await send({ id })]).toEqual(['201', '204'])
  expect(handled).toHaveLength(1)
})

test('what has failed is taken again', async () => {
  const id = crypto.randomUUID()
  act = () => Promise.reject(new Error('the database is away'))
  expect(await send({ id })).toBe('500 internal_error')
  expect(await send({ id, body: '{"amount":"five"}' })).toBe('400 invalid_request')
  act = async () => {}
  expect(await send({ id })).toBe('201')
})

test('what fails after its claim was over makes nothing new of what another request has handled', async () => {
  const id = crypto.randomUUID()
  const { reached, go } = holdHandler()
  const slow = send({ id })
  await reached
  await app.deps.store.delete(`webhook:payments:${id}`) // as if two minutes had passed
  act = async () => {}
  expect(await send({ id })).toBe('201')
  go.reject(new Error('the database is away'))
  expect([await slow, await send({ id })]).toEqual(['500 internal_error', '204'])
  expect(handled).toHaveLength(2)
})

test('the API list and OpenAPI know what it asks for', () => {
  const route = describeRoutes(app.app).find(({ path }) => path === PATH)
  expect(route?.requestHeaders?.map(({ name }) => name)).toEqual(['webhook-signature'])
  expect(route?.errors.map(({ code }) => code)).toContain('bad_signature')
})
