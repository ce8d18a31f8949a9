// The app under test: the real one, listening on a free port, on a database and a key prefix of its own.
import { changeRole } from '../../src/account/change-role.ts'
import { requireRole, type Deps, type Product } from '../../src/account/product.ts'
import type { Role } from '../../src/account/roles.ts'
import { createApp } from '../../src/app.ts'
import { settings } from '../../src/config.ts'
import { manifest } from '../../src/manifest.ts'
import { PROBE, probe } from '../kit/support/probe.ts'
import { serveProduct } from '../kit/support/serve-product.ts'

export { hashesVerified } from '../kit/support/serve-product.ts'

export type TestApp = Awaited<ReturnType<typeof startApp>>

function createProbedApp(deps: Deps) {
  const app = createApp(deps)
  app.route(PROBE, probe<Product>(requireRole, 'editor'))
  return app
}

/** Starts the app as `serveProduct` does; `env` adds to the settings. Call `close` in afterAll. */
export async function startApp(env: Record<string, string> = {}, options: { foresees500?: boolean } = {}) {
  const served = await serveProduct(
    { settings, manifest, createApp: createProbedApp, tables: 'project' },
    { SIGNUP_ROLE: 'editor', ...env }, // whatever yours is: a change of role is mailed, and stands in the trail
    options,
  )
  let people = 0
  return {
    ...served,
    /** A logged-in client with an account of this role. */
    async member(role: Role = 'editor', input: Record<string, unknown> = {}) {
      const client = served.visitor()
      const account = { ...NEW_ACCOUNT, email: `person${++people}@example.com`, ...input }
      const signup = await client.post('/api/signup', account)
      if (signup.status !== 201) throw new Error(`signup failed: ${JSON.stringify(signup.body)}`)
      if (role !== signup.body.role) await changeRole(served.deps, signup.body.id, role, OPERATOR)
      return Object.assign(client, { user: { ...signup.body, role }, account })
    },
  }
}

/** Who changes accounts in tests where it does not matter. */
export const OPERATOR = { command: 'test' }

export const NEW_ACCOUNT = { email: 'ann@example.com', password: '123abC', fname: 'Ann', lname: 'Lee' }
