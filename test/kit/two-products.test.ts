// What carries the app knows nothing of this product: another one, with roles, accounts and settings of its own,
// stands on it in the same program.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { entries as migrations } from './product/drizzle/meta/_journal.json'
import { syncRole } from '../../src/kit/auth/account-row.ts'
import { createDeps } from '../../src/kit/create-deps.ts'
import { defineRoles } from '../../src/kit/types/roles.ts'
import { Client } from './support/client.ts'
import { crons, openZoo, people, requireRole, roles, settings, type Role, type Zoo } from './support/zoo.ts'

let opened: Awaited<ReturnType<typeof openZoo>>
beforeAll(async () => {
  opened = await openZoo()
})
afterAll(() => opened.close())
beforeEach(() => people.clear())

const enter = (role: Role, nickname?: string) => opened.enter(role, nickname)

test('its roles decide who may call, and its settings are in the config', async () => {
  const guest = await enter('guest')
  expect((await guest.get('/zoo/price')).body).toEqual({ price: '5 usd' })
  const refused = await guest.get('/zoo/keys')
  expect([refused.status, refused.body.err]).toEqual([
    403,
    '403: Forbidden! It takes the role keeper or above',
  ])
  expect((await new Client(opened.url).get('/zoo/price')).status).toBe(401)
  expect((await (await enter('keeper', 'Ann')).get('/zoo/keys')).body).toEqual({ of: 'Ann' })
})

test('its barred role is stopped at the door, by the session and by the row', async () => {
  const keeper = await enter('keeper')
  people.set(keeper.id, { id: keeper.id, role: 'banned', nickname: 'Rex' })
  expect((await keeper.get('/zoo/keys')).status).toBe(400) // the row; and the session is told
  expect((await keeper.get('/zoo/price')).status).toBe(400)
  expect(roles.admitted).toEqual(['guest', 'keeper'])
})

test('a session of a role that is none any more opens nothing', async () => {
  const guest = await enter('guest')
  await syncRole(opened.sessions, guest.id, async () => ({ role: 'retired' as Role }))
  expect((await guest.get('/zoo/price')).status).toBe(401)
  // A newer release may know the role: until it ends, the session is one of the account's.
  expect(await opened.sessions.allOf(guest.id)).toMatchObject([{ role: 'retired' }])
})

test('the list of its API has its titles, first, and its roles', async () => {
  const { text } = await new Client(opened.url).get('/api/list')
  expect(text).toContain('lowest first: guest, keeper.')
  const titles = [...text.matchAll(/<h2>([^<]*) <code>/g)].map(([, title]) => title)
  expect(titles).toEqual(['Zoological garden', 'Service'])
})

test('what it opens of its own is in each request, and goes by no name of the kit', async () => {
  expect((await new Client(opened.url).get('/zoo/till')).body).toEqual({ usd: 7 })
  const config = settings.load({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://127.0.0.1:1' })
  const opening = () =>
    createDeps(config, { roles, crons, migrations, openOwn: () => ({ own: { db: 'mine' } }) })
  expect(opening).toThrow('the kit has db in c.var or in the dependencies')
})

test('a role, an account or a setting of another product is no type of this one', () => {
  // @ts-expect-error the sample's role
  requireRole('editor')
  // @ts-expect-error of this product's accounts nobody has told an email
  const label = ({ email }: Zoo['User']) => email
  // @ts-expect-error no role of these
  defineRoles(['guest'], { barred: ['banned'] })
  expect(label).toBeFunction()
})
