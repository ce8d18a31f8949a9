// What carries the app knows nothing of this product: another one, with roles, accounts and settings of its own,
// stands on it in the same program.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { entries as migrations } from './product/drizzle/meta/_journal.json'
import { roleGuard, syncRole } from '../../src/kit/auth/role-guard.ts'
import { setting } from '../../src/kit/config/setting.ts'
import { defineSettings, type ConfigOf } from '../../src/kit/config/settings.ts'
import { choice } from '../../src/kit/config/values.ts'
import { createDeps } from '../../src/kit/create-deps.ts'
import { dashboard } from '../../src/kit/dashboard/routes.tsx'
import { describeRoutes, doc } from '../../src/kit/http/doc.ts'
import { appFactory } from '../../src/kit/http/factory.ts'
import { startSession } from '../../src/kit/http/session.ts'
import { validate } from '../../src/kit/http/validate.ts'
import { jobStatus } from '../../src/kit/job-status/routes.ts'
import { defineCron } from '../../src/kit/jobs/cron.ts'
import { defineTask } from '../../src/kit/jobs/task.ts'
import { useKit } from '../../src/kit/middleware.ts'
import { serve } from '../../src/kit/process/serve.ts'
import { pages } from '../../src/kit/system/pages.tsx'
import { ApiError } from '../../src/kit/types/api-error.ts'
import { defineRoles } from '../../src/kit/types/roles.ts'
import { Client } from './support/client.ts'
import { createDatabase, deletePrefix, redisUrl, uniquePrefix } from './support/services.ts'

const roles = defineRoles(['banned', 'guest', 'keeper'], { barred: ['banned'] })
const settings = defineSettings(
  { name: 'zoo', version: '9.9.9' },
  { currency: setting('CURRENCY', choice('eur', 'usd').default('eur'), { about: 'What prices are in' }) },
)
type Role = (typeof roles.names)[number]

interface Zoo {
  Role: Role
  User: { id: string; role: Role; nickname: string }
  Config: ConfigOf<typeof settings>
  Own: { tills: Map<string, number> }
}

const people = new Map<string, Zoo['User']>()
const findUser = async (_db: unknown, id: string) => people.get(id)
const factory = appFactory<Zoo>()
const requireRole = roleGuard<Zoo>({ roles, findUser, readsRowFrom: 'keeper' })

const feed = defineTask({ name: 'feed', input: z.object({}), run: () => {} })
const crons = [defineCron({ name: 'feeding', schedule: '0 8 * * *', task: feed, input: {} })]

const zoo = factory
  .createApp()
  .post(
    '/enter',
    doc('Starts a session.', z.object({}), { status: 201 }),
    validate('json', z.object({ id: z.string() })),
    async (c) => {
      const person = people.get(c.req.valid('json').id)
      if (person === undefined) throw new ApiError(400, 'Nobody')
      await startSession(c, person, true)
      return c.var.respond({})
    },
  )
  .get('/price', doc('Says the price.', z.object({ price: z.string() })), requireRole('guest'), (c) =>
    c.var.respond({ price: `5 ${c.var.config.currency satisfies 'eur' | 'usd'}` }),
  )
  .get('/till', doc('Says what is in the till.', z.object({ usd: z.number().nullable() })), (c) =>
    c.var.respond({ usd: c.var.tills.get('usd') ?? null }),
  )
  .get(
    '/keys',
    doc('Says whose keys they are.', z.object({ of: z.string() })),
    requireRole('keeper'),
    async (c) => c.var.respond({ of: (await c.var.me()).nickname }),
  )

let isTillShut = false
let url: string
let close: () => Promise<void>
let sessions: ReturnType<typeof open>['deps']['sessions']

function open(databaseUrl: string, prefix: string) {
  const config = settings.load({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
    CURRENCY: 'usd',
  })
  return {
    config,
    ...createDeps(config, {
      roles,
      crons,
      migrations,
      openOwn: ({ currency }) => ({
        own: { tills: new Map([[currency, 7]]) },
        close: () => void (isTillShut = true),
      }),
    }),
  }
}

beforeAll(async () => {
  const database = await createDatabase('kit')
  const prefix = uniquePrefix()
  const opened = open(database.url, prefix)
  const { config, deps } = opened
  const app = factory.createApp()
  useKit(app, deps)
  app.route(
    '/',
    pages({ config, routes: () => describeRoutes(app), groups: { '/zoo': 'Zoological garden' } }),
  )
  app.route('/zoo', zoo)
  app.route('/jobs', jobStatus({ requireRole, role: 'guest' }))
  const signIn = { form: z.object({ email: z.string(), password: z.string() }), limit: NO_LIMIT, run: refuse }
  const label = ({ nickname }: Zoo['User']) => nickname
  app.route('/api/operators', dashboard({ requireRole, role: 'keeper', lowestRole: 'guest', label, signIn }))
  const server = serve(app, config)
  url = server.url.origin
  sessions = deps.sessions
  close = async () => {
    await server.drain(1000)
    await opened.close()
    expect(isTillShut).toBe(true)
    await deletePrefix(prefix)
    await database.drop()
  }
})
afterAll(() => close())
beforeEach(() => people.clear())

const NO_LIMIT = { name: 'none', quotas: () => [] }
const refuse = () => Promise.reject(new ApiError(400, 'Nobody signs in this way'))

async function enter(role: Role, nickname = 'Rex') {
  const id = crypto.randomUUID()
  people.set(id, { id, role, nickname })
  const client = new Client(url)
  const reply = await client.post('/zoo/enter', { id })
  expect(reply.status).toBe(201)
  return Object.assign(client, { id })
}

test('its roles decide who may call, and its settings are in the config', async () => {
  const guest = await enter('guest')
  expect((await guest.get('/zoo/price')).body).toEqual({ price: '5 usd' })
  const refused = await guest.get('/zoo/keys')
  expect([refused.status, refused.body.err]).toEqual([
    403,
    '403: Forbidden! It takes the role keeper or above',
  ])
  expect((await new Client(url).get('/zoo/price')).status).toBe(401)
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
  await syncRole(sessions, guest.id, async () => ({ role: 'retired' as Role }))
  expect((await guest.get('/zoo/price')).status).toBe(401)
  // A newer release may know the role: until it ends, the session is one of the account's.
  expect(await sessions.allOf(guest.id)).toMatchObject([{ role: 'retired' }])
})

test('its operators see its crons, and themselves by the name that it gives them', async () => {
  const html = { Accept: 'text/html' }
  const keeper = await enter('keeper', 'Keeper Ann')
  const page = await keeper.get('/api/operators', html)
  expect(page.status).toBe(200)
  for (const word of ['zoo queue', 'Keeper Ann', 'feeding']) expect(page.text).toContain(word)
  expect(page.text).not.toContain('nightly')
  const no = await (await enter('guest')).get('/api/operators', html)
  expect([no.status, no.text.includes('the role keeper')]).toEqual([403, true])
})

test('the list of its API has its titles, first, and its roles', async () => {
  const { text } = await new Client(url).get('/api/list')
  expect(text).toContain('lowest first: guest, keeper.')
  const titles = [...text.matchAll(/<h2>([^<]*) <code>/g)].map(([, title]) => title)
  expect(titles).toEqual(['Zoological garden', 'Jobs', 'Operators', 'Service'])
})

test('a job is for the account that enqueued it', async () => {
  const guest = await enter('guest')
  expect((await guest.get('/jobs/none')).status).toBe(404)
  expect((await new Client(url).get('/jobs/none')).status).toBe(401)
})

test('what it opens of its own is in each request, and goes by no name of the kit', async () => {
  expect((await new Client(url).get('/zoo/till')).body).toEqual({ usd: 7 })
  const config = settings.load({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://127.0.0.1:1' })
  const opening = () =>
    createDeps(config, { roles, crons, migrations, openOwn: () => ({ own: { db: 'mine' } }) })
  expect(opening).toThrow('the kit has db in c.var or in the dependencies')
})

test('a role, an account or a setting of another product is no type of this one', () => {
  // @ts-expect-error the sample's role
  requireRole('editor')
  // @ts-expect-error the sample's role
  jobStatus({ requireRole, role: 'readonly' })
  // @ts-expect-error of this product's accounts nobody has told an email
  const label = ({ email }: Zoo['User']) => email
  // @ts-expect-error no role of these
  defineRoles(['guest'], { barred: ['banned'] })
  expect(label).toBeFunction()
})
