// Another product than the kit's own, in the same program: a zoo, with roles, accounts and settings of its own.
import { expect } from 'bun:test'
import { z } from 'zod'
import { roleGuard } from '../../../src/kit/auth/guards.ts'
import { setting } from '../../../src/kit/config/setting.ts'
import { defineSettings, type ConfigOf } from '../../../src/kit/config/settings.ts'
import { choice } from '../../../src/kit/config/values.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { describeRoutes, doc } from '../../../src/kit/http/doc.ts'
import { appFactory } from '../../../src/kit/http/factory.ts'
import { startSession } from '../../../src/kit/http/session.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { defineCron } from '../../../src/kit/jobs/cron.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { useKit } from '../../../src/kit/middleware.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { pages } from '../../../src/kit/system/pages.tsx'
import { ApiError } from '../../../src/kit/types/api-error.ts'
import { defineRoles } from '../../../src/kit/types/roles.ts'
import { entries as migrations } from '../product/drizzle/meta/_journal.json'
import { Client } from './client.ts'
import { createDatabase, deletePrefix, redisUrl, uniquePrefix } from './services.ts'

export const roles = defineRoles(['banned', 'guest', 'keeper'], { barred: ['banned'] })
export const settings = defineSettings(
  { name: 'zoo', version: '9.9.9' },
  { currency: setting('CURRENCY', choice('eur', 'usd').default('eur'), { about: 'What prices are in' }) },
)
export type Role = (typeof roles.names)[number]

export interface Zoo {
  Role: Role
  User: { id: string; role: Role; nickname: string }
  Config: ConfigOf<typeof settings>
  Own: { tills: Map<string, number> }
}

export const people = new Map<string, Zoo['User']>()
const findUser = async (_db: unknown, id: string) => people.get(id)
const factory = appFactory<Zoo>()
export const requireRole = roleGuard<Zoo>({ roles, findUser, readsRowFrom: 'keeper' })

const feed = defineTask({ name: 'feed', input: z.object({}), run: () => {} })
export const crons = [defineCron({ name: 'feeding', schedule: '0 8 * * *', task: feed, input: {} })]

const zoo = factory
  .createApp()
  .post(
    '/enter',
    doc('Starts a session.', z.object({}), { status: 201 }),
    validate('json', z.object({ id: z.string() })),
    async (c) => {
      const person = people.get(c.req.valid('json').id)
      if (person === undefined) throw new ApiError(400, 'Nobody')
      await startSession(c, person, true, { way: 'password' })
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

/** Opens it, with what `mount` adds to its app. Call `close` in afterAll. */
export async function openZoo(mount: (app: ReturnType<typeof factory.createApp>) => void = () => {}) {
  const database = await createDatabase('kit')
  const prefix = uniquePrefix()
  const config = settings.load({
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
    CURRENCY: 'usd',
  })
  let isTillShut = false
  const opened = createDeps(config, {
    roles,
    crons,
    migrations,
    openOwn: ({ currency }) => ({
      own: { tills: new Map([[currency, 7]]) },
      close: () => void (isTillShut = true),
    }),
  })
  const app = factory.createApp()
  useKit(app, opened.deps)
  const groups = { '/zoo': 'Zoological garden' }
  app.route(
    '/',
    pages({ config, routes: () => describeRoutes(app), groups, description: 'A zoo.', license: 'MIT' }),
  )
  app.route('/zoo', zoo)
  mount(app)
  const server = serve(app, config)
  const url = server.url.origin

  return {
    url,
    sessions: opened.deps.sessions,
    async enter(role: Role, nickname = 'Rex') {
      const id = crypto.randomUUID()
      people.set(id, { id, role, nickname })
      const client = new Client(url)
      const reply = await client.post('/zoo/enter', { id })
      expect(reply.status).toBe(201)
      return Object.assign(client, { id })
    },
    async close() {
      await server.drain(1000)
      await opened.close()
      expect(isTillShut).toBe(true)
      await deletePrefix(prefix)
      await database.drop()
    },
  }
}
