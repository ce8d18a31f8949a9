// The kit's own small product under test, listening on a free port, on a database and a key prefix of its own.
import { openAll, type Opening } from '../../../src/kit/assemble.ts'
import { syncRole } from '../../../src/kit/auth/account-row.ts'
import { defineSettings } from '../../../src/kit/config/settings.ts'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { serveProduct } from './serve-product.ts'
import { createApp, manifest as product } from '../product/app.ts'
import {
  ownSettings,
  PROJECT,
  requireRole,
  type Config,
  type Deps,
  type Product,
} from '../product/product.ts'
import { findMember, setRank } from '../product/queries.ts'
import type { Role } from '../product/table.ts'
import { modules } from './modules.ts'
import { PROBE, probe } from './probe.ts'

export { hashesVerified } from './serve-product.ts'

export type TestApp = Awaited<ReturnType<typeof startApp>>

const settings = defineSettings(PROJECT, {
  ...ownSettings,
  ...(Object.assign({}, ...modules.map((module) => module.settings)) as object),
})

/** What modules open is in the dependencies of those who test them, and typed there. */
export const manifest = {
  ...product,
  openOwn: (...opening: Opening<Config>) => ({
    own: openAll(
      opening,
      modules.flatMap(({ open }) => open ?? []),
    ),
  }),
}

function createWholeApp(deps: Deps) {
  const app = createApp(deps)
  for (const { mount } of modules) mount(app, deps.config)
  return app
}

/** The routes of the kit, its modules and its product. */
export const kitRoutes = () =>
  describeRoutes(
    createWholeApp({
      config: settings.load({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' }),
    } as Deps),
  )

function createProbedApp(deps: Deps) {
  const app = createWholeApp(deps)
  app.route(PROBE, probe<Product>(requireRole, 'writer'))
  return app
}

/** Starts the app as `serveProduct` does; `env` adds to the settings. Call `close` in afterAll. */
export async function startApp(env: Record<string, string> = {}, options: { foresees500?: boolean } = {}) {
  const served = await serveProduct(
    { settings, manifest, createApp: createProbedApp, tables: 'kit' },
    env,
    options,
  )
  const { db, sessions } = served.deps
  let people = 0

  const changeRole = async (id: string, role: Role) => {
    await setRank(db, id, role)
    await syncRole(sessions, id, () => findMember(db, id))
  }

  return {
    ...served,
    /** In the database, and in every live session. */
    changeRole,
    /** A client that has entered, of this role. */
    async member(role: Role = 'writer', input: Record<string, unknown> = {}) {
      const client = served.visitor()
      const account = { ...NEW_MEMBER, email: `member${++people}@example.com`, ...input }
      const joined = await client.post('/club/join', account)
      if (joined.status !== 201) throw new Error(`joining failed: ${JSON.stringify(joined.body)}`)
      if (role !== joined.body.role) await changeRole(joined.body.id, role)
      return Object.assign(client, { user: { ...joined.body, role }, account })
    },
  }
}

export const NEW_MEMBER = { email: 'ann@example.com', password: '123abC' }
