// A club's booking service from nothing to green: courts that admins keep, rackets and bookings that belong to members, and the rule
// for trainers as the page on resources has it. It prints what each step took.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { type Checkout, cloneCheckout } from '../kit/support/checkout.ts'
import { Client, type Reply } from '../kit/support/client.ts'
import { openLink } from '../kit/support/faulty-link.ts'
import { applyBlock, blocksOf } from '../kit/support/page.ts'
import { FLAWLESS, redocly } from '../kit/support/redocly.ts'
import { startService } from '../kit/support/supervised.ts'
import { SLOW_MS } from './green.ts'
import { say, step } from './step.ts'

const PAGE = 'scripts/new/README.md'
const TESTS = ['rackets', 'courts', 'bookings'].map((name) => `test/${name}.test.ts`)
const PERSON = { password: '123abC', fname: 'Ann', lname: 'Lee' }

let club: Checkout
beforeAll(() => {
  club = cloneCheckout()
}, SLOW_MS)
afterAll(() => club.remove(), SLOW_MS)

test(
  'three commands, a rule from the page, and all is green',
  async () => {
    const began = performance.now()
    for (const resource of commandsOf(club.read(PAGE)))
      await step(`npm run new -- ${resource[0]}`, () => run('new', resource))
    await step('npm run check', () => run('check'))
    await step('the generated tests', () => run('test', TESTS))
    await step('the rule for trainers, from the page', () => applyExample())
    await step('npm run check', () => run('check'))
    await step('the tests again, and those of the rule', () =>
      run('test', [...TESTS, 'test/trainers.test.ts']),
    )
    say('from nothing to green, all in all', began)
    await step('two accounts at a server that runs', tryServer)
  },
  SLOW_MS,
)

/** A file that differs from what the page says is a page that is wrong. */
function applyExample(): void {
  const example = blocksOf(club.root, PAGE).filter(({ heading }) => heading === 'Rules of your own')
  const applied = example
    .filter(({ language }) => language !== 'sh')
    .map((block) => applyBlock(club.root, block))
  expect(applied.slice(0, 3)).toEqual([
    'src/bookings/queries.ts',
    'src/bookings/routes.ts',
    'test/trainers.test.ts',
  ])
}

/** The arguments of the club's resources, as the page's reader types them. */
function commandsOf(page: string): string[][] {
  const [rules = ''] = page.split('## Rules of your own').slice(1)
  const lines = [...rules.matchAll(/^npm run new -- (.*)$/gm)]
  expect(lines).toHaveLength(3)
  return lines.map(([, line = '']) =>
    (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", '')),
  )
}

/** The club where the server runs as in production: by HTTP, and in no test's harness. */
async function tryServer(): Promise<void> {
  const service = await startService({}, { folder: club.root, of: 'project', untilReady: false })
  const sql = postgres(service.databaseUrl, { max: 1 })
  try {
    await run('migrate', [], { DATABASE_URL: service.databaseUrl })
    await service.untilSteady()
    const enter = async (name: string) => {
      const client = new Client(service.url)
      const signUp = await client.post('/api/signup', { ...PERSON, email: `${name}@example.com` })
      expect(signUp.status).toBe(201)
      return client
    }
    const [admin, ann, bob] = [await enter('admin'), await enter('ann'), await enter('bob')]
    await sql`update users set role = 'admin' where email = 'admin@example.com'`
    await admin.post('/api/login', { ...PERSON, email: 'admin@example.com' })
    const court = await admin.post('/api/courts', { name: 'Centre Court', price: '12.5' })
    expect([court.status, court.body.price]).toEqual([201, '12.50'])
    const path = `/api/courts/${court.body.id}/bookings`
    const booking = await ann.post(path, between(9, 10))
    expect(booking.status).toBe(201)

    await tryOwnership(ann, bob, admin, path, booking.body)
    await tryConstraints(ann, bob, admin, path, booking.body)
    await tryLostUpdate(ann, `${path}/${booking.body.id}`)
    await tryReplay(service.url, ann, court.body.id)
    expect(await redocly((await admin.get('/api/openapi.json')).body)).toEqual(FLAWLESS)
  } finally {
    await sql.end()
    await service.close()
  }
}

const HOUR = 3_600_000
/** From one hour of a day to another. */
const between = (from: number, to: number) => ({
  starts: new Date(Date.UTC(2026, 11, 24) + from * HOUR).toISOString(),
  ends: new Date(Date.UTC(2026, 11, 24) + to * HOUR).toISOString(),
})

async function tryOwnership(ann: Client, bob: Client, admin: Client, path: string, booking: { id: string }) {
  const one = `${path}/${booking.id}`
  const list = await bob.get(`${path}?count=true`)
  expect([list.status, list.body, list.headers.get('total-count')]).toEqual([200, [], '0'])
  const answers = [await bob.get(one), await bob.put(one, { note: 'mine' }), await bob.delete(one)]
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404])
  expect((await new Client(admin.url).get(path)).status).toBe(401)
  expect((await ann.get(path)).body).toEqual([booking])
  expect((await admin.get(path)).body).toEqual([booking])
}

/** What is refused names the fields, and nothing of the row that is in the way. */
async function tryConstraints(
  ann: Client,
  bob: Client,
  admin: Client,
  path: string,
  booking: { id: string },
) {
  const refused = ({ status, body }: Reply) => [
    status,
    body.code,
    (body.issues as { path: string }[]).map((issue) => issue.path).toSorted(),
  ]
  const overlap = await bob.post(path, between(9.5, 10.5))
  expect(refused(overlap)).toEqual([409, 'exclusion_violation', ['ends', 'starts']])
  expect((await bob.post(path, between(10, 11))).status).toBe(201) // one ends as the other starts
  expect(refused(await bob.post(path, between(13, 12)))[0]).toBe(400)

  const dear = await admin.post('/api/courts', { name: 'Court 2', price: '-1' })
  expect(refused(dear)).toEqual([400, 'invalid_request', ['price']])

  const racket = await ann.post('/api/rackets', { name: 'Old one' })
  const bookWith = (id: string) => bob.post(path, { ...between(14, 15), racket: id })
  const [anns, none] = [await bookWith(racket.body.id), await bookWith('999999')]
  expect(refused(anns)).toEqual([409, 'foreign_key_violation', ['racket']])
  expect({ ...anns.body, requestId: '' }).toEqual({ ...none.body, requestId: '' })
  expect((await ann.patch(`${path}/${booking.id}`, { racket: racket.body.id })).body.racket).toBe(
    racket.body.id,
  )
  expect((await bob.post('/api/courts/999999/bookings', between(9, 10))).status).toBe(404)
}

/** Two who have read the same change it one after the other: the second is told. */
async function tryLostUpdate(ann: Client, one: string) {
  const ETag = (await ann.get(one)).headers.get('etag') ?? ''
  expect((await ann.patch(one, { note: 'first' }, { 'If-Match': ETag })).status).toBe(200)
  const second = await ann.patch(one, { note: 'second' }, { 'If-Match': ETag })
  expect([second.status, second.body.code]).toEqual([412, 'precondition_failed'])
  const now = await ann.get(one)
  expect([now.body.note, second.headers.get('etag')]).toEqual(['first', now.headers.get('etag')])
}

const BOOK = `import { createClient } from './client/index.js'
const { API, COOKIE, COURT, RANGE } = process.env
const { api } = createClient(API, { headers: { Cookie: COOKIE } })
const reply = await api.courts[':court'].bookings.$post({ param: { court: COURT }, json: JSON.parse(RANGE) })
console.log(reply.status, reply.headers.get('idempotent-replayed'))
`

/** The typed client, on Node and on Bun, at a server whose first answer gets lost with its connection, after the commit. */
async function tryReplay(url: string, ann: Client, court: string) {
  await step('npm run client', () => run('client'))
  writeFileSync(join(club.root, 'book.mjs'), BOOK)
  const before = (await ann.get(`/api/courts/${court}/bookings`)).body.length as number
  for (const [i, program] of ['node', process.execPath].entries()) {
    let isLost = false
    const link = await openLink(url, (text) => {
      if (isLost) return text
      isLost = true
      void link.cut().then(link.restore)
      return ''
    })
    const [COOKIE, RANGE] = [`session=${ann.cookies.get('session')}`, JSON.stringify(between(16 + i, 17 + i))]
    const child = Bun.spawn([program, 'book.mjs'], {
      cwd: club.root,
      env: { ...process.env, API: link.url, COURT: court, COOKIE, RANGE },
    })
    expect([await child.stdout.text(), isLost]).toEqual(['201 true\n', true])
    await link.close()
  }
  expect((await ann.get(`/api/courts/${court}/bookings`)).body).toHaveLength(before + 2)
}

async function run(command: string, args: string[] = [], env: Record<string, string> = {}): Promise<void> {
  const { code, said } = await club.run(command, args, env)
  expect({ command, args, code, said: code === 0 ? '' : said }).toEqual({ command, args, code: 0, said: '' })
}
