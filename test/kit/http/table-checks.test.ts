// What a table's checks compare is asked at the door as far as a body has it; the rest the table refuses, in the same words.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { check, date, integer, numeric, pgTable, timestamp, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { tableChecks } from '../../../src/kit/http/table-checks.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { createApp } from '../product/app.ts'
import { silent } from '../support/log.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const games = pgTable(
  'games',
  {
    id: integer().primaryKey(),
    home: uuid().notNull(),
    away: uuid().notNull(),
    starts: timestamp({ withTimezone: true }).notNull(),
    endsAt: timestamp('ends_at', { withTimezone: true }).notNull(),
    day: date().notNull(),
    rain: date(),
    low: numeric().notNull(),
    high: numeric().notNull(),
    players: integer().notNull(),
    subs: integer().notNull(),
  },
  (t) => [
    check('any_name', sql`${t.endsAt} > ${t.starts}`),
    check('other_side', sql`${t.home} != ${t.away}`),
    check('rain_date', sql`${t.rain} >= ${t.day}`),
    check('prices', sql`${t.low} <= ${t.high}`),
    check('dear', sql`${t.high} <= 99.50`),
    check('enough', sql`${t.players} >= 2`),
    check('bench', sql`${t.players} + ${t.subs} < 30`),
    check('not_13', sql`${t.subs} % 13 <> 12`),
  ],
)
const [A, B] = ['0d9f0b5a-52a7-4a52-8a3c-6c1c0a3b7e02', '1d9f0b5a-52a7-4a52-8a3c-6c1c0a3b7e02']
const GAME = {
  home: A,
  away: B,
  starts: '2026-01-31T12:00:00Z',
  endsAt: '2026-01-31T14:00:00Z',
  day: '2026-01-31',
  rain: '2026-02-01',
  low: '9.5',
  high: '10',
  players: 11,
  subs: 5,
}
const moment = z.iso.datetime({ offset: true }).transform((value) => new Date(value))
const Game = z.object({
  home: z.uuid(),
  away: z.uuid(),
  starts: moment,
  endsAt: moment,
  day: z.iso.date(),
  rain: z.iso.date().nullish(),
  low: z.string(),
  high: z.string(),
  players: z.int(),
  subs: z.int(),
})

let app: TestApp
let own: ReturnType<typeof createApp>
beforeAll(async () => {
  app = await startApp()
  await app.deps.db
    .execute(sql`create table games (id int primary key, home uuid, away uuid, starts timestamptz,
    ends_at timestamptz, day date, rain date, low numeric, high numeric, players int, subs int,
    constraint any_name check (ends_at > starts), constraint other_side check (home <> away),
    constraint rain_date check (rain >= day), constraint prices check (low <= high), constraint enough check (players >= 2),
    constraint bench check (players + subs < 30), constraint not_13 check (subs % 13 <> 12))`)
  const row = Game.parse(GAME)
  await app.deps.db.insert(games).values({ id: 1, ...row })
  own = createApp({ ...app.deps, log: silent })
  own.post('/games', validate('json', Game.check(tableChecks(games))), (c) => c.json({}))
  own.patch('/games', validate('json', Game.partial().check(tableChecks(games))), async (c) => {
    await c.var.db.update(games).set(c.req.valid('json')).where(eq(games.id, 1))
    return c.json({})
  })
})
afterAll(() => app.close())

async function answerTo(method: string, body: object) {
  const headers = { 'Content-Type': 'application/json' }
  const reply = await own.request('/games', { method, body: JSON.stringify(body), headers })
  const { code, issues } = (await reply.json()) as { code?: string; issues?: object[] }
  return [reply.status, code, issues]
}
const issuesOf = (faults: Record<string, string>) =>
  Object.entries(faults).map(([path, message]) => ({ path, message }))

test.each([
  [{ endsAt: GAME.starts }, { endsAt: 'must be after starts', starts: 'must be before endsAt' }],
  [
    { starts: '2026-02-01T13:00:00+02:00' },
    { endsAt: 'must be after starts', starts: 'must be before endsAt' },
  ],
  [{ away: A.toUpperCase() }, { home: 'must be other than away', away: 'must be other than home' }],
  [{ rain: '2026-01-30' }, { rain: 'must be at or after day', day: 'must be at or before rain' }],
  [{ high: '9.49999999999999999999' }, { low: 'must be at most high', high: 'must be at least low' }],
])(
  '%p is refused with the whole row at the door, and alone by the table, in the same words',
  async (wrong, faults) => {
    const issues = issuesOf(faults)
    expect(await answerTo('POST', { ...GAME, ...wrong })).toEqual([400, 'invalid_request', issues])
    expect(await answerTo('PATCH', { ...GAME, ...wrong })).toEqual([400, 'invalid_request', issues])
    expect(await answerTo('PATCH', wrong)).toEqual([409, 'check_violation', issues])
  },
)

test('what is compared with a number is refused at the door', async () => {
  const refused = [400, 'invalid_request', issuesOf({ players: 'must be at least 2' })]
  expect(await answerTo('PATCH', { players: 1 })).toEqual(refused)
  const dear = [400, 'invalid_request', issuesOf({ high: 'must be at most 99.50' })]
  expect(await answerTo('PATCH', { high: '99.6' })).toEqual(dear)
  expect((await answerTo('PATCH', { high: '99.500' }))[0]).toBe(200)
  expect(await answerTo('POST', { ...GAME, players: 1 })).toEqual(refused)
})

test("another check than a comparison is the table's, and its fields are named", async () => {
  const faults = { players: 'does not go with subs', subs: 'does not go with players' }
  expect(await answerTo('PATCH', { subs: 20 })).toEqual([409, 'check_violation', issuesOf(faults)])
  expect(await answerTo('PATCH', { subs: 12 })).toEqual([
    400,
    'invalid_request',
    issuesOf({ subs: 'is not allowed' }),
  ])
})

test.each([
  { endsAt: '2026-01-31T12:00:00.001Z' },
  { rain: null },
  { rain: GAME.day },
  { low: '10.000', high: '10' },
  { low: '-0.5' },
  { away: B.toUpperCase() },
])('%p is taken, as Postgres takes it', async (right) => {
  expect((await answerTo('POST', { ...GAME, ...right }))[0]).toBe(200)
  expect((await answerTo('PATCH', right))[0]).toBe(200)
  expect((await answerTo('PATCH', GAME))[0]).toBe(200)
})
