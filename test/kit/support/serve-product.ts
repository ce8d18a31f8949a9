// A product's app, listening on a free port in this process, on a database and a key prefix of its own.
import type { KitConfig } from '../../../src/kit/config/kit-config.ts'
import type { ProductSettings } from '../../../src/kit/config/settings.ts'
import type { KitDeps as Deps } from '../../../src/kit/deps.ts'
import type { Manifest } from '../../../src/kit/assemble.ts'
import { createPasswords } from '../../../src/kit/auth/passwords.ts'
import { newSecretKey } from '../../../src/kit/auth/secrets.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { type Fetches, serve } from '../../../src/kit/process/serve.ts'
import type { Log } from '../../../src/kit/types/log.ts'
import { Client } from './client.ts'
import { checkAnswers, type CheckedApp } from './declared.ts'
import { showingUnexpected } from './server-errors.ts'
import { createDatabase, deletePrefix, PATIENT, redisUrl, type Tables, uniquePrefix } from './services.ts'

export interface TestedProduct<
  C extends KitConfig,
  R extends string,
  O extends object,
  A extends CheckedApp,
> {
  settings: ProductSettings<C>
  manifest: Manifest<R, C, O>
  createApp(deps: Deps<C, R> & O): A
  tables: Tables
}

/** What a hash costs here; test/kit/auth/passwords.test.ts holds what one costs in production. */
const QUICK = { memoryCost: 8, timeCost: 1, parallelism: 1 }

/**
 * Starts it; `env` adds to the settings. Call `close` in afterAll.
 * Every answer is held against its route's declaration, and the error behind a 500 is shown; with `foresees500` such an
 * answer passes, and nothing is shown: for tests that cause one.
 */
export async function serveProduct<
  C extends KitConfig,
  R extends string,
  O extends object,
  A extends CheckedApp,
>(
  { settings, manifest, createApp, tables }: TestedProduct<C, R, O, A>,
  env: Record<string, string> = {},
  options: { foresees500?: boolean } = {},
) {
  const database = await createDatabase(tables)
  const prefix = uniquePrefix()
  const variables: Record<string, string> = {
    PORT: '0',
    HOST: '127.0.0.1',
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    APP_URL: 'http://service.example',
    // TEST_LOG_LEVEL=info shows what a failing test's server had to say.
    LOG_LEVEL: process.env.TEST_LOG_LEVEL || 'silent',
    COOKIE_SECURE: 'off',
    // In production too, but where a test asks for it.
    RATE_LIMIT: 'off',
    PASSWORD_RULE: 'seed',
    SECRET_KEYS: newSecretKey(), // of this app and all that serve it; the one of development lies in a file
    ...PATIENT,
    ...env,
  }
  const config = settings.load(variables)
  const { deps, watched, close } = createDeps(config, manifest)
  const gate = watched.gates.get('passwords')
  if (gate) Object.assign(deps.passwords, createPasswords(gate, QUICK))
  if (!options.foresees500) deps.log = showingUnexpected(deps.log)
  const app = createApp(deps)
  const checked = checkAnswers(app, options)
  const server = await listen(checked, config, { ...variables, TEST_PRODUCT: tables }, deps.log)
  const { url } = server

  return {
    app,
    config,
    deps,
    url,
    /** A visitor: its cookies are its own. */
    visitor: (headers?: Record<string, string>) => new Client(url, headers, checked.verdict),
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
async function listen(app: Fetches, config: KitConfig, variables: Record<string, string>, log: Log) {
  if (process.env.TEST_SERVED_BY) {
    const { serveElsewhere } = (await import(process.env.TEST_SERVED_BY)) as ServedElsewhere
    return serveElsewhere(variables)
  }
  const server = serve(app, config, { log })
  return { url: server.url.origin, stop: () => server.drain(1000) }
}

interface ServedElsewhere {
  serveElsewhere(variables: Record<string, string>): Promise<{ url: string; stop(): Promise<void> }>
}

/** The hashes that passwords are held against while `act` runs, in order; null where there is no account. */
export async function hashesVerified(
  { deps: { passwords } }: { deps: Pick<Deps, 'passwords'> },
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
