// The audit trail: events are added and never changed, sealed so that a change shows, kept for their time, and read by index.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { Hono } from 'hono'
import { activityList, type EventKey, eventLines, eventList } from '../../../src/kit/audit/events.ts'
import { type AuditEvent, writeEvent } from '../../../src/kit/audit/record.ts'
import { deleteOldEvents, keepAuditTrail } from '../../../src/kit/audit/retention.ts'
import { seal, verifySeals } from '../../../src/kit/audit/seals.ts'
import { auditEvents, auditSeals } from '../../../src/kit/audit/table.ts'
import { type PageRequest, readList } from '../../../src/kit/data/list-page.ts'
import type { AnyContext } from '../../../src/kit/http/env.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { recorder } from '../support/log.ts'
import { openObserved } from '../support/plans.ts'

const ANN = crypto.randomUUID()
const going = new AbortController().signal
const about = (account: string | null): AuditEvent => ({
  action: 'note.read',
  account,
  details: { notes: 2 },
})
const page = { limit: 20 }
const listEvents = async (request: PageRequest = page, on = db) =>
  (await readList(eventList, { db: on }, request)).rows

let app: TestApp
let db: TestApp['deps']['db']
beforeAll(async () => {
  app = await startApp()
  db = app.deps.db
})
beforeEach(async () => {
  await db.execute(sql`truncate audit_events, audit_seals`)
})
afterAll(() => app.close())

/** Adds events of so many days ago, a second apart. */
const addOld = (days: number, count = 3) =>
  db.execute(sql`insert into audit_events (at, account, action)
    select now() - make_interval(days => ${days}) + n * interval '1 second', ${ANN}, 'note.read'
    from generate_series(1, ${count}) n`)

test('a command and a job are told by their names, and have no address', async () => {
  await writeEvent({ command: 'root' }, db, about(ANN))
  await writeEvent({ job: 'cleanUp' }, db, about(null))
  const none = { actor: null, as_account: null, ip: null, agent: null, request_id: null }
  const told = { ...none, action: 'note.read', details: { notes: 2 } }
  expect(await listEvents()).toMatchObject([
    { ...told, by: 'job cleanUp', account: null },
    { ...told, by: 'command root', account: ANN },
  ])
})

test('a request is told with its session: the actor, whom it acts as, and the token by which it came', async () => {
  const [boss, token] = [crypto.randomUUID(), crypto.randomUUID()]
  const sessions = [
    null,
    { userId: ANN },
    { userId: ANN, impersonator: boss },
    { userId: ANN, access: { id: token } },
  ]
  for (const [n, session] of sessions.entries()) {
    const routed = new Hono<{ Variables: Record<string, unknown> }>().get('/', async (c) => {
      for (const [name, value] of Object.entries({ session, ip: '192.0.2.1', requestId: `r${n}` }))
        c.set(name, value)
      await writeEvent(c as AnyContext, db, about(ANN))
      return c.text('')
    })
    const reply = await routed.request('/', { headers: { 'User-Agent': 'x'.repeat(5000) } })
    expect(reply.status).toBe(200)
  }
  const told = (await listEvents()).toReversed()
  expect(told.map(({ actor, as_account, by, request_id }) => [actor, as_account, by, request_id])).toEqual([
    [null, null, null, 'r0'],
    [ANN, null, null, 'r1'],
    [boss, ANN, null, 'r2'],
    [ANN, null, `token ${token}`, 'r3'],
  ])
  for (const { ip, agent } of told) expect([ip, agent]).toEqual(['192.0.2.1', 'x'.repeat(300)])
})

test('a change that is rolled back leaves no event', async () => {
  const change = db.transaction(async (tx) => {
    await writeEvent({ job: 'cleanUp' }, tx, about(ANN))
    await tx.execute(sql`select 1 / 0`)
  })
  await expect(change).rejects.toThrow()
  expect(await db.$count(auditEvents)).toBe(0)
})

test('no event is changed, and none is deleted within a week', async () => {
  await writeEvent({ job: 'cleanUp' }, db, about(ANN))
  await addOld(8, 1)
  const reasonOf = (statement: PromiseLike<unknown>) =>
    Promise.resolve(statement).then(
      () => 'done',
      (error: Error) => String(error.cause),
    )
  expect(await reasonOf(db.update(auditEvents).set({ account: null }))).toContain('append only')
  expect(await reasonOf(db.delete(auditEvents))).toContain('append only')
  expect(await db.$count(auditEvents)).toBe(2)
})

test('retention deletes what is older, seal by seal, and what is left is still sealed', async () => {
  for (const days of [40, 35, 20]) {
    await addOld(days, 1500)
    await seal(app.deps, (days - 1) * 24 * 60)
  }
  await addOld(0)
  await deleteOldEvents(db, 30, going)
  expect(await db.$count(auditEvents)).toBe(1503)
  expect((await db.select().from(auditSeals)).map(({ number }) => number).toSorted()).toEqual([2, 3])
  expect(await verifySeals(db)).toMatchObject({ events: 1500, broken: [] })
  await deleteOldEvents(db, 30, going)
  expect(await db.$count(auditEvents)).toBe(1503)
})

test('retention reads each event a few times, also where Postgres last saw a trail that was almost empty', async () => {
  const observed = await openObserved()
  try {
    let from = 1
    await observed.fillUnnoticed(['audit_events'], async () => {
      await observed.client.unsafe(`insert into audit_events (at, action)
        select now() - interval '40 days' + n * interval '1 second', 'note.read' from generate_series(${from}, ${from + 4999}) n`)
      from += 5000
    })
    await observed.client.unsafe(
      `insert into audit_seals (number, until, events, digest) values (1, now() - interval '35 days', 5001, '')`,
    )
    const { read } = await observed.rowsRead(async (tx) => {
      await deleteOldEvents(tx, 30, going)
      expect(await tx.$count(auditEvents)).toBe(0)
      return []
    })
    expect(read).toBeLessThan(300_000)
  } finally {
    await observed.close()
  }
})

test('the task seals what is new, and deletes what is older than AUDIT_DAYS', async () => {
  await addOld(400)
  await seal(app.deps, 370 * 24 * 60)
  await addOld(300)
  const job = { signal: going } as Parameters<typeof keepAuditTrail.execute>[1]
  await keepAuditTrail.execute({}, job, app.deps)
  expect(await db.$count(auditEvents)).toBe(3)
  expect(await verifySeals(db)).toMatchObject({ events: 3, broken: [], last: { number: 2 } })
})

test('a seal goes to the log as well, and nothing new makes none', async () => {
  const { log, lines } = recorder()
  await addOld(1)
  await seal({ db, log }, 0)
  await seal({ db, log }, 0)
  const [begin, made] = await db.select().from(auditSeals).orderBy(auditSeals.number)
  expect([begin?.number, made?.number, made?.events]).toEqual([0, 1, 3])
  expect(lines).toMatchObject([{ message: 'AUDIT TRAIL SEALED', fields: made }])
})

test('an event whose transaction is open while younger ones are sealed is in the next seal', async () => {
  await addOld(1, 1)
  const [written, sealed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow = db.transaction(async (tx) => {
    await writeEvent({ job: 'slow' }, tx, about(ANN))
    written.resolve()
    await sealed.promise
  })
  await written.promise
  await writeEvent({ job: 'quick' }, db, about(ANN))
  await seal(app.deps, 0)
  sealed.resolve()
  await slow
  expect(await verifySeals(db)).toMatchObject({ events: 1, broken: [] })
  await seal(app.deps, 0)
  expect(await verifySeals(db)).toMatchObject({ events: 3, broken: [] })
})

test.each([
  ['a changed', sql`update audit_events set ip = '192.0.2.1' where id = (select min(id) from audit_events)`],
  ['a removed', sql`delete from audit_events where id = (select max(id) from audit_events)`],
  [
    'an inserted',
    sql`insert into audit_events (at, action) select max(at) - interval '1 second', 'x' from audit_events`,
  ],
])('a seal notices %s row', async (_what, tamper) => {
  for (const days of [3, 2, 1]) {
    await addOld(days)
    await seal(app.deps, (days - 0.5) * 24 * 60)
  }
  await addOld(0)
  expect(await verifySeals(db)).toMatchObject({ events: 9, broken: [] })
  // As whoever owns the table may.
  await db.execute(sql`alter table audit_events disable trigger user`)
  await db.execute(sql`delete from audit_events where at > now() - interval '12 hours'`)
  await db.execute(tamper)
  await db.execute(sql`alter table audit_events enable trigger user`)
  const { broken } = await verifySeals(db)
  expect(broken.length).toBe(1)
})

test('lines of a range are in order, each once, and go on behind any of them', async () => {
  await addOld(2, 450)
  await addOld(1, 5)
  const range = { from: new Date(Date.now() - 3 * 86_400_000).toISOString(), to: new Date().toISOString() }
  const read = async (after?: EventKey) => {
    const lines = []
    for await (const one of eventLines(db, { ...range, after })) lines.push(one)
    return lines
  }
  const all = await read()
  expect(all.length).toBe(455)
  const ids = all.map(({ line }) => Number(JSON.parse(line).id))
  expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  expect(await read(all[300]?.key)).toEqual(all.slice(301))
})

test('a page reads its own rows, by whatever it is filtered', async () => {
  const observed = await openObserved()
  try {
    await observed.client.unsafe(`
      insert into audit_events (at, actor, account, action)
      select timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second',
        case when n % 300 = 0 then '${ANN}'::uuid end, case when n % 300 = 150 then '${ANN}'::uuid end,
        case when n % 300 = 75 then 'note.rare' else 'note.read' end
      from generate_series(1, 30000) n`)
    await observed.client.unsafe('vacuum analyze')
    const noon = '2026-01-01T04:00:00Z'
    for (const filter of [
      {},
      { actor: ANN },
      { account: ANN },
      { action: 'note.rare' },
      { action: 'note.read' },
    ])
      for (const moment of [{}, { 'at[lt]': noon }]) {
        const given = { ...filter, ...moment }
        await observed.expectPage(20, (tx) => listEvents({ ...page, given }, tx))
        await observed.expectPage(20, async (tx) => {
          const before = { limit: 1, given: { ...filter, 'at[lt]': noon } }
          const { next } = await readList(eventList, { db: tx }, before)
          return listEvents({ ...page, given, cursor: next }, tx)
        })
      }
    await observed.expectPage(
      20,
      async (tx) => (await readList(activityList, { db: tx, me: ANN }, page)).rows,
    )
  } finally {
    await observed.close()
  }
})
