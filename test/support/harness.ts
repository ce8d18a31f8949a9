// The app under test: the real one, listening on a free port, on a database and a key prefix of its own.
import { changeRole } from '../../src/account/change-role.ts'
import type { Role } from '../../src/account/roles.ts'
import { createApp } from '../../src/app.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { createDeps } from '../../src/kit/create-deps.ts'
import { type Fetches, serve } from '../../src/kit/process/serve.ts'
import type { Log } from '../../src/kit/types/log.ts'
import { manifest } from '../../src/manifest.ts'
import { Client } from './client.ts'
import { checkAnswers } from './declared.ts'
import { PROBE, probe } from './probe.ts'
import { showingUnexpected } from './server-errors.ts'
import { createDatabase, deletePrefix, redisUrl, uniquePrefix } from './services.ts'

export type TestApp = Awaited<ReturnType<typeof startApp>>

/**
 * Starts the app; `env` adds to the settings. Call `close` in afterAll.
 * Every answer is held against its route's declaration, and the error behind a 500 is shown; with `foresees500` such an
 * answer passes, and nothing is shown: for tests that cause one.
 */
export async function startApp(env: Record<string, string> = {}, options: { foresees500?: boolean } = {}) {
  const database = await createDatabase()
  const prefix = uniquePrefix()
  const settings: Record<string, string> = {
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    // TEST_LOG_LEVEL=info shows what a failing test's server had to say.
    LOG_LEVEL: process.env.TEST_LOG_LEVEL || 'silent',
    COOKIE_SECURE: 'off',
    RATE_LIMIT: 'off', // in production too, but where a test asks for it
    ...env,
  }
  const config = loadConfig(settings)
  const { deps, close } = createDeps(config, manifest)
  if (!options.foresees500) deps.log = showingUnexpected(deps.log)
  const app = createApp(deps)
  app.route(PROBE, probe)
  const checked = checkAnswers(app, options)
  const server = await listen(checked, config, settings, deps.log)
  const { url } = server
  let people = 0

  return {
    app,
    config,
    deps,
    url,
    /** A visitor: its cookies are its own. */
    visitor: (headers?: Record<string, string>) => new Client(url, headers, checked.verdict),
    /** A logged-in client with an account of this role. */
    async member(role: Role = 'editor', input: Record<string, unknown> = {}) {
      const client = new Client(url, {}, checked.verdict)
      const account = { ...NEW_ACCOUNT, email: `person${++people}@example.com`, ...input }
      const signup = await client.post('/api/signup', account)
      if (signup.status !== 201) throw new Error(`signup failed: ${JSON.stringify(signup.body)}`)
      if (role !== 'editor') await changeRole(deps, signup.body.id, role)
      return Object.assign(client, { user: { ...signup.body, role }, account })
    },
    async close() {
      await server.stop()
      await close()
      await deletePrefix(prefix)
      await database.drop()
      checked.verdict() // of calls that came from elsewhere: a browser, a socket
    },
  }
}

/**
 * TEST_SERVED_BY names a module that serves the same app another way, on another runtime or behind a proxy.
 * It stands on the same database and keys.
 */
async function listen(app: Fetches, config: Config, settings: Record<string, string>, log: Log) {
  if (process.env.TEST_SERVED_BY) {
    const { serveElsewhere } = (await import(process.env.TEST_SERVED_BY)) as ServedElsewhere
    return serveElsewhere(settings)
  }
  const server = serve(app, config, { log })
  return { url: server.url.origin, stop: () => server.drain(1000) }
}

interface ServedElsewhere {
  serveElsewhere(settings: Record<string, string>): Promise<{ url: string; stop(): Promise<void> }>
}

export const NEW_ACCOUNT = { email: 'ann@example.com', password: '123abC', fname: 'Ann', lname: 'Lee' }

/** The hashes that passwords are held against while `act` runs, in order; null where there is no account. */
export async function hashesVerified(
  { deps: { passwords } }: TestApp,
  act: () => Promise<unknown>,
): Promise<(string | null)[]> {
  const verified: (string | null)[] = []
  const { verify } = passwords
  passwords.verify = (hashed, password) => {
    verified.push(hashed)
    return verify(hashed, password)
  }
  try {
    await act()
  } finally {
    passwords.verify = verify
  }
  return verified
}
