// Webhooks: who registers a URL, what it is told of, and what becomes of it where nobody answers.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { setPassword } from '../src/account/manage.ts'
import { changeRole } from '../src/account/change-role.ts'
import { webhookEvent } from '../src/kit/webhooks/events.ts'
import type { Sealed } from '../src/kit/auth/sealed-columns.ts'
import { isSigned } from '../src/kit/webhooks/sign.ts'
import { users } from '../src/account/table.ts'
import type { Job } from '../src/kit/jobs/task.ts'
import { sweepWebhooks } from '../src/tasks.ts'
import {
  publicEndpoint,
  webhookDeliveries as deliveries,
  webhookEndpoints as endpoints,
} from '../src/webhooks/table.ts'
import { tellWebhooks } from '../src/webhooks/webhooks.ts'
import type { Reply } from './kit/support/client.ts'
import { openObserved } from './kit/support/plans.ts'
import { until } from './kit/support/until.ts'
import { OPERATOR } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'
import { untilIdle } from './support/worker.ts'

const PATH = '/api/me/webhooks'
const courtBooked = webhookEvent(
  'court.booked',
  'A court was booked.',
  z.object({ court: z.number(), at: z.iso.datetime() }),
)
const BOOKED = { court: 7, at: '2026-11-01T10:00:00.000Z' }

interface Told {
  path: string
  headers: Headers
  body: string
}
let told: Told[] = []
/** By path, what a receiver answers. */
let answers: Record<string, () => Response | Promise<Response>> = {}

let app: AppWithMail
let receiver: ReturnType<typeof Bun.serve>
beforeAll(async () => {
  app = await startWithMail()
  receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname: path } = new URL(request.url)
      told.push({ path, headers: request.headers, body: await request.text() })
      return answers[path]?.() ?? new Response('received')
    },
  })
})
afterAll(async () => {
  await receiver.stop(true)
  await app.close()
})
afterEach(async () => {
  told = []
  answers = {}
  await app.deps.db.delete(endpoints)
})

type Member = Awaited<ReturnType<AppWithMail['member']>>
const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)

let paths = 0
/** An endpoint of an account, and what it was told. */
async function register(member: Member, input: Record<string, unknown> = {}) {
  const path = `/hook${++paths}`
  const reply = await member.post(PATH, { url: receiver.url.origin + path, ...input })
  if (reply.status !== 201) throw new Error(`registered in vain: ${reply.text}`)
  const { id, secret } = reply.body as { id: string; secret: string }
  const own = `${PATH}/${id}`
  return {
    id,
    secret,
    path,
    own,
    told: () => told.filter((one) => one.path === path),
    log: async () => (await member.get(`${own}/deliveries`)).body as Record<string, unknown>[],
  }
}

const tell = (member: Member, data: typeof BOOKED = BOOKED) =>
  app.deps.db.transaction((tx) => tellWebhooks(app.deps, tx, member.user.id, courtBooked, data))

const signedBy = (secrets: string[], { headers, body }: Told) => {
  const header = (name: string) => headers.get(`webhook-${name}`) ?? ''
  return isSigned(secrets, { id: header('id'), timestamp: header('timestamp'), body }, header('signature'))
}

/** As after days without any success. */
const failingFor = (id: string, days: number) =>
  app.deps.db
    .update(endpoints)
    .set({ failing_since: sql`now() - make_interval(days => ${days})` })
    .where(eq(endpoints.id, id))

describe('an account', () => {
  test('registers a URL: its secret is shown this once, and lies encrypted', async () => {
    const ann = await app.member()
    const made = await ann.post(PATH, { url: 'https://hooks.example/a', types: ['webhook.test'] })
    expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store'])
    const { secret, ...shown } = made.body
    expect(secret).toMatch(/^whsec_/)
    expect((await ann.get(PATH)).body).toEqual([shown])
    expect(shown).toMatchObject({ url: 'https://hooks.example/a', types: ['webhook.test'], paused: null })
    const [row] = await app.deps.db.select().from(endpoints).where(eq(endpoints.id, shown.id))
    expect(JSON.stringify(row)).not.toContain(secret.slice(6))
    const mail = await app.nextMail(ann.user.email, 'Your account')
    expect(mail.text).toContain('A webhook was added')
  })

  test('has that in its trail, and in the export of its data no secret', async () => {
    const ann = await app.member()
    const { id, secret, own } = await register(ann)
    await ann.post(`${own}/secret`)
    await ann.patch(own, { paused: true })
    const activity = (await ann.get('/api/me/activity')).body as { action: string; details: unknown }[]
    const trail = activity.filter(({ action }) => action.startsWith('webhook.'))
    expect(trail.map(({ action }) => action)).toEqual([
      'webhook.changed',
      'webhook.secret_renewed',
      'webhook.added',
    ])
    expect(trail[0]?.details).toEqual({ endpoint: id })
    expect(JSON.stringify(trail)).not.toContain(secret)
    expect(Object.keys(publicEndpoint.columns).filter((name) => name.includes('secret'))).toEqual([])
  })

  test('takes a fresh login to register one and to renew a secret, a role, and no token', async () => {
    const [ann, reader] = [await app.member(), await app.member('readonly')]
    expect(said(await reader.post(PATH, { url: 'https://hooks.example' }))).toBe('401 insufficient_role')
    expect(said(await app.visitor().get(PATH))).toBe('401 login_required')
    const { own } = await register(ann)
    const token = (await ann.post('/api/me/tokens', { name: 'ci', abilities: ['read', 'write'] })).body.token
    const program = app.visitor({ Authorization: `Bearer ${token}` })
    expect(said(await program.get(PATH))).toBe('403 token_not_allowed')
    const ago = Date.now() - 16 * 60_000
    const aged = await app.deps.sessions.rotate(ann.cookies.get('session') ?? '', {
      loginAt: ago,
      provenAt: ago,
    })
    ann.cookies.set('session', aged?.token ?? '')
    expect(said(await ann.post(PATH, { url: 'https://hooks.example' }))).toBe('401 fresh_login_required')
    expect(said(await ann.post(`${own}/secret`))).toBe('401 fresh_login_required')
    expect(said(await ann.patch(own, { paused: true }))).toBe(200)
  })

  test('finds nothing of another', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    const [{ own, id }, bobs] = [await register(ann), await register(bob)]
    await bob.post(`${bobs.own}/test`)
    await untilIdle(app)
    const [delivery] = await bobs.log()
    const replies = [
      await bob.get(`${own}/deliveries`),
      await bob.patch(own, { paused: true }),
      await bob.post(`${own}/secret`),
      await bob.post(`${own}/test`),
      await bob.post(`${own}/redeliver`, { since: '2026-01-01T00:00:00Z' }),
      await bob.delete(own),
      await ann.post(`${own}/redeliver`, { delivery: delivery?.id }),
    ]
    expect(replies.map(said)).toEqual(replies.map(() => '404 not_found'))
    expect((await bob.get(PATH)).body.map((one: { id: string }) => one.id)).not.toContain(id)
  })

  test('has ten at the most, also if it asks for many at once', async () => {
    const ann = await app.member()
    const replies = await Promise.all(
      Array.from({ length: 14 }, () => ann.post(PATH, { url: 'https://hooks.example' })),
    )
    expect(replies.map(said).sort()).toEqual([
      ...Array(10).fill(201),
      ...Array(4).fill('409 too_many_endpoints'),
    ])
  })

  test('has a URL in the one form that browsers write', async () => {
    const { body } = await (await app.member()).post(PATH, { url: 'HTTPS://Hooks.example:443/ä' })
    expect(body.url).toBe('https://hooks.example/%C3%A4')
  })

  test('is told what is wrong with a URL or an event', async () => {
    const ann = await app.member()
    for (const url of [
      'nowhere',
      'ftp://hooks.example',
      'https://me:secret@hooks.example',
      'https://hooks.example/#a',
      5,
    ])
      expect(said(await ann.post(PATH, { url }))).toBe('400 invalid_request')
    for (const url of [
      'https://hooks.example/\r\nHost: a',
      'https:\\\\hooks.example',
      ' https://hooks.example',
    ])
      expect(said(await ann.post(PATH, { url }))).toBe('400 invalid_request')
    const { body } = await ann.post(PATH, { url: 'https://hooks.example', types: ['no.such'] })
    expect(body.issues).toEqual([{ path: 'types.0', message: 'must be webhook.test' }])
  })
})

test('a moment that the database does not know is refused, and fails no job', async () => {
  const ann = await app.member()
  const { own } = await register(ann)
  for (const since of ['0000-01-01T00:00:00Z', `2026-01-01T00:00:00.${'0'.repeat(70_000)}Z`, 'yesterday', 5])
    expect(said(await ann.post(`${own}/redeliver`, { since }))).toBe('400 invalid_request')
})

describe('an event', () => {
  test('is told once its transaction commits, signed, with what its schema names', async () => {
    const ann = await app.member()
    const { told: arrived, secret, log } = await register(ann)
    await tell(ann, { ...BOOKED, note: 'of a column that nobody published' } as typeof BOOKED)
    await untilIdle(app)
    const [one, ...more] = arrived()
    expect(more).toEqual([])
    const body = { type: 'court.booked', timestamp: expect.any(String), data: BOOKED }
    expect(JSON.parse(one?.body ?? '')).toEqual(body)
    expect(one?.headers.get('content-type')).toBe('application/json')
    expect(one && (await signedBy([secret], one))).toBe(true)
    const [delivery] = await log()
    expect(delivery).toMatchObject({
      id: one?.headers.get('webhook-id'),
      type: 'court.booked',
      state: 'delivered',
      attempts: 1,
      status: 200,
      answer: 'received',
    })
  })

  test('is told to nobody if the transaction does not commit', async () => {
    const ann = await app.member()
    const { told: arrived, log } = await register(ann)
    const failing = app.deps.db.transaction(async (tx) => {
      await tellWebhooks(app.deps, tx, ann.user.id, courtBooked, BOOKED)
      throw new Error('no court after all')
    })
    await expect(failing).rejects.toThrow('no court after all')
    await failing.catch(() => {})
    await untilIdle(app)
    expect([arrived(), await log()]).toEqual([[], []])
  })

  test('of one account is told to its endpoints alone, and to those that want its type', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    const [all, tests, bobs] = [
      await register(ann),
      await register(ann, { types: ['webhook.test'] }),
      await register(bob),
    ]
    await tell(ann)
    await untilIdle(app)
    expect([all.told().length, tests.told().length, bobs.told().length]).toEqual([1, 0, 0])
  })

  test('of another shape than it declares fails where it is told', async () => {
    const ann = await app.member()
    await register(ann)
    await expect(tell(ann, { court: 'seven' } as never)).rejects.toThrow()
    await expect(tell(ann, { ...BOOKED, at: 'x'.repeat(300_000) })).rejects.toThrow()
  })

  test('may be tried: a test goes to one endpoint, whatever types it gets', async () => {
    const ann = await app.member()
    const [one, other] = [await register(ann), await register(ann)]
    expect(said(await ann.post(`${one.own}/test`))).toBe(202)
    await untilIdle(app)
    expect(one.told().map(({ body }) => JSON.parse(body).type)).toEqual(['webhook.test'])
    expect(other.told()).toEqual([])
  })
})

test('while a secret is exchanged both sign, and the one before no longer than a day', async () => {
  const ann = await app.member()
  const { id, own, secret: first, told: arrived } = await register(ann)
  const { secret: second } = (await ann.post(`${own}/secret`)).body
  await tell(ann)
  await untilIdle(app)
  await app.deps.db
    .update(endpoints)
    .set({ old_until: sql`now() - interval '1 second'` })
    .where(eq(endpoints.id, id))
  await tell(ann)
  await untilIdle(app)
  const signed = await Promise.all(
    arrived().map(async (one) => [await signedBy([first], one), await signedBy([second], one)]),
  )
  expect(signed).toEqual([
    [true, true],
    [false, true],
  ])
})

describe('an endpoint that fails', () => {
  test('is tried again later, under the same id, and its log says why', async () => {
    const ann = await app.member()
    const { id, own, path, told: arrived, log } = await register(ann)
    answers[path] = () => new Response('out of <order>', { status: 503 })
    await tell(ann)
    await untilIdle(app)
    expect(await log()).toMatchObject([
      { state: 'pending', attempts: 1, status: 503, answer: 'out of <order>' },
    ])
    expect((await ann.get(PATH)).body[0]).toMatchObject({
      id,
      paused: null,
      failing_since: expect.any(String),
    })
    // Its owner does not wait: it is sent at once, and the endpoint is whole again.
    delete answers[path]
    const [delivery] = await log()
    expect(said(await ann.post(`${own}/redeliver`, { delivery: delivery?.id }))).toBe(202)
    await untilIdle(app)
    expect(await log()).toMatchObject([{ state: 'delivered', attempts: 2, status: 200 }])
    expect(new Set(arrived().map(({ headers }) => headers.get('webhook-id'))).size).toBe(1)
    expect((await ann.get(PATH)).body[0]).toMatchObject({ failing_since: null })
  })

  test('has one that nobody listens at in its log, and nothing of ours', async () => {
    const ann = await app.member()
    const { log } = await register(ann, { url: 'http://127.0.0.1:1/' })
    await tell(ann)
    await untilIdle(app)
    expect(await log()).toMatchObject([{ state: 'pending', status: null, answer: 'ECONNREFUSED' }])
  })

  test('for two days is paused, and its owner mailed; what happens then is held until it is asked for', async () => {
    const ann = await app.member()
    const { id, own, path, told: arrived, log } = await register(ann)
    answers[path] = () => new Response('no', { status: 500 })
    await failingFor(id, 1)
    await tell(ann)
    await untilIdle(app)
    expect((await ann.get(PATH)).body[0].paused).toBeNull()
    await failingFor(id, 3)
    await tell(ann)
    await until('the pause', async () => (await ann.get(PATH)).body[0].paused)
    const mail = await until('its mail', async () =>
      (await app.mailsTo(ann.user.email)).find(({ text }) => text.includes('A webhook is paused')),
    )
    expect(mail.text).toContain('for two days')
    await tell(ann)
    await untilIdle(app)
    const before = arrived().length
    expect((await log())[0]).toMatchObject({ state: 'held', attempts: 0 })

    delete answers[path]
    expect(said(await ann.patch(own, { paused: false }))).toBe(200)
    expect(said(await ann.post(`${own}/redeliver`, { since: '2026-01-01T00:00:00Z' }))).toBe(202)
    await untilIdle(app)
    expect(arrived().length).toBe(before + 1)
    expect((await log())[0]).toMatchObject({ state: 'delivered' })
  })

  test('is paused at once when it says that it is gone', async () => {
    const ann = await app.member()
    const { path, log } = await register(ann)
    answers[path] = () => new Response('', { status: 410 })
    await tell(ann)
    await untilIdle(app)
    expect(await log()).toMatchObject([{ state: 'failed', status: 410 }])
    expect((await ann.get(PATH)).body[0].paused).not.toBeNull()
  })

  test('is given up after its last attempt, without a dead job for operators', async () => {
    const ann = await app.member()
    const { path, log } = await register(ann)
    answers[path] = () => new Response('no', { status: 500 })
    const { webhooks } = await import('../src/webhooks/webhooks.ts')
    await tell(ann)
    await untilIdle(app)
    const [delivery] = await log()
    const job = { id: 'j', attempt: 20, signal: new AbortController().signal } as never
    const input = { id: delivery?.id, account: ann.user.id }
    await webhooks.tasks.deliverWebhook.execute(input, job, app.deps)
    expect(await log()).toMatchObject([{ state: 'failed', attempts: 2 }])
  })
})

test('an account whose endpoints do not answer holds up nobody else', async () => {
  const [ann, bob] = [await app.member(), await app.member()]
  const held = await Promise.all(Array.from({ length: 6 }, () => register(ann)))
  const go = Promise.withResolvers<void>()
  for (const { path } of held) answers[path] = () => go.promise.then(() => new Response('at last'))
  for (let i = 0; i < 4; i++) await tell(ann)
  const atOnce = () => held.flatMap((one) => one.told()).length
  await until('the first four', () => atOnce() === 4)
  const bobs = await register(bob)
  await tell(bob)
  await until('that of the other', () => bobs.told().length === 1)
  expect(atOnce()).toBe(4)
  go.resolve()
  await untilIdle(app)
  expect(atOnce()).toBe(24)
})

test('hundreds that were missed are all sent again, each of them once', async () => {
  const ann = await app.member()
  const { id, own, told: arrived, log } = await register(ann)
  const row = { endpoint: id, type: 'court.booked', body: '{}', state: 'held' as const }
  await app.deps.db.insert(deliveries).values(Array.from({ length: 250 }, () => row))
  await app.deps.db.insert(deliveries).values({ ...row, state: 'delivered' })
  const long = { ...row, created: sql`now() - interval '2 days'` }
  await app.deps.db.insert(deliveries).values(long)
  const since = new Date(Date.now() - 24 * 60 * 60_000).toISOString()
  expect(said(await ann.post(`${own}/redeliver`, { since }))).toBe(202)
  await untilIdle(app)
  expect(new Set(arrived().map(({ headers }) => headers.get('webhook-id'))).size).toBe(250)
  expect(arrived()).toHaveLength(250)
  expect(await log()).toHaveLength(50)
})

test('what lost its job with a Redis is sent again on demand, and what still waits for its next attempt is not', async () => {
  const ann = await app.member()
  const { id, own, told: arrived } = await register(ann)
  const row = {
    endpoint: id,
    type: 'court.booked',
    body: '{}',
    state: 'pending' as const,
    created: sql`now() - interval '3 days'`,
  }
  const [lost] = await app.deps.db.insert(deliveries).values(row).returning()
  await app.deps.db.insert(deliveries).values({ ...row, attempted: sql`now() - interval '11 hours'` })
  await ann.post(`${own}/redeliver`, { since: '2026-01-01T00:00:00Z' })
  await untilIdle(app)
  expect(arrived().map(({ headers }) => headers.get('webhook-id'))).toEqual([lost?.id ?? ''])
})

test('what is missing and asked for twice has no second job, but where the first call broke off', async () => {
  const ann = await app.member()
  const { id: endpoint } = await register(ann)
  const row = { endpoint, type: 'court.booked', body: '{}', state: 'held' as const }
  await app.deps.db.insert(deliveries).values(Array.from({ length: 5 }, () => row))
  const { webhooks } = await import('../src/webhooks/webhooks.ts')
  const input = { account: ann.user.id, endpoint, since: '2026-01-01T00:00:00Z' }
  const jobsOf = async (attempt: number) => {
    const jobs: unknown[] = []
    const job = { attempt, next: (...one: unknown[]) => jobs.push(one) } as never
    await webhooks.tasks.redeliverWebhooks.execute(input, job, app.deps)
    return jobs.length
  }
  expect([await jobsOf(1), await jobsOf(1), await jobsOf(2)]).toEqual([5, 0, 5])
})

describe('nothing is sent', () => {
  const disabled = (member: Member) => changeRole(app.deps, member.user.id, 'disabled', OPERATOR)
  const lowered = (member: Member) => changeRole(app.deps, member.user.id, 'readonly', OPERATOR)
  test.each([
    ['disabled', disabled],
    ['of a role that is too low by now', lowered],
  ])('for an account that is %s', async (_, change) => {
    const ann = await app.member()
    const { told: arrived } = await register(ann)
    await change(ann)
    await tell(ann)
    await untilIdle(app)
    expect(arrived()).toEqual([])
    const rows = await app.deps.db.select().from(deliveries)
    expect(rows.map(({ state }) => state)).toEqual(['held'])
  })

  test('to an endpoint that is deleted meanwhile, and its deliveries are gone', async () => {
    const ann = await app.member()
    const { own, path, told: arrived } = await register(ann)
    answers[path] = () => new Response('no', { status: 500 })
    await tell(ann)
    await untilIdle(app)
    expect(said(await ann.delete(own))).toBe(200)
    expect(await app.deps.db.$count(deliveries)).toBe(0)
    await tell(ann)
    await untilIdle(app)
    expect(arrived()).toHaveLength(1)
  })

  test('to an endpoint that is deleted while an attempt ends, and neither waits for the other', async () => {
    const ann = await app.member()
    const { id, path, told: arrived } = await register(ann)
    const go = Promise.withResolvers<void>()
    answers[path] = () => go.promise.then(() => new Response('no', { status: 500 }))
    await tell(ann)
    await until('the attempt', () => arrived().length === 1)
    await app.deps.db.transaction(async (tx) => {
      await tx.select().from(endpoints).where(eq(endpoints.id, id)).for('update')
      go.resolve()
      const behindUs = sql`select 1 from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))`
      await until('its end to wait for the endpoint', async () => (await tx.execute(behindUs)).length)
      // What a deletion locks next is free.
      const rows = tx.select().from(deliveries).where(eq(deliveries.endpoint, id))
      expect(await rows.for('update', { noWait: true })).toHaveLength(1)
      await tx.delete(endpoints).where(eq(endpoints.id, id))
    })
    await untilIdle(app)
    expect(await app.deps.db.$count(deliveries)).toBe(0)
  })

  test('once somebody else may have had the account: its endpoints are paused', async () => {
    const ann = await app.member()
    const { told: arrived } = await register(ann)
    await setPassword(app.deps, ann.user.id, { password: null }, OPERATOR)
    await tell(ann)
    await untilIdle(app)
    expect(arrived()).toEqual([])
    expect((await app.deps.db.select().from(endpoints))[0]?.paused).not.toBeNull()
  })
})

test('of deliveries that have ended the newest thousand are kept, for thirty days, and all that wait', async () => {
  const ann = await app.member()
  const { id } = await register(ann)
  const row = { endpoint: id, type: 'court.booked', body: '{}' }
  const rows = (count: number, state: 'delivered' | 'pending', age: string) =>
    app.deps.db
      .insert(deliveries)
      .values(
        Array.from({ length: count }, () => ({ ...row, state, created: sql`now() - ${age}::interval` })),
      )
  await rows(600, 'delivered', '1 day')
  await rows(600, 'delivered', '2 days')
  await rows(50, 'pending', '3 days')
  await rows(5, 'pending', '31 days')
  await app.deps.enqueue(sweepWebhooks, {})
  await untilIdle(app)
  const left = await app.deps.db
    .select({ state: deliveries.state, count: sql<number>`count(*)::int` })
    .from(deliveries)
    .groupBy(deliveries.state)
    .orderBy(deliveries.state)
  expect(left).toEqual([
    { state: 'delivered', count: 1000 },
    { state: 'pending', count: 50 },
  ])
})

test('of deliveries each is read a few times by the sweep, also where Postgres last saw almost none', async () => {
  const observed = await openObserved()
  try {
    const { db } = observed
    const [user] = await db
      .insert(users)
      .values({ email: 'ann@example.com', first_name: 'A', last_name: 'B' })
      .returning({ id: users.id })
    const [endpoint] = await db
      .insert(endpoints)
      .values({ account: user?.id ?? '', url: 'https://example.com', types: [], secret: '' as Sealed })
      .returning({ id: endpoints.id })
    await observed.fillUnnoticed(['webhook_deliveries'], () =>
      db.execute(sql`insert into ${deliveries} (endpoint, type, body, state, created)
        select ${endpoint?.id}, 'court.booked', '{}', 'delivered', now() - n % 2 * interval '40 days'
        from generate_series(1, 6000) n`),
    )
    const job = { signal: new AbortController().signal }
    const { read } = await observed.rowsRead(async (tx) => {
      await sweepWebhooks.execute({}, job as Job, { ...app.deps, db: tx })
      expect(await tx.$count(deliveries)).toBe(1000)
      return []
    })
    expect(read).toBeLessThan(300_000)
  } finally {
    await observed.close()
  }
})

test('the OpenAPI document says what is sent', async () => {
  const { body } = await app.visitor().get('/api/openapi.json')
  const { post } = body.webhooks['webhook.test']
  expect(post).toMatchObject({
    operationId: 'onWebhookTest',
    summary: 'Sent when its owner tries an endpoint.',
  })
})
