// An app whose connections to Postgres and Redis go by links that a test can cut, and a way past them.
import { afterAll, afterEach } from 'bun:test'
import type { Manifest } from '../../../src/kit/assemble.ts'
import type { KitConfig } from '../../../src/kit/config/kit-config.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { outbox } from '../../../src/kit/jobs/outbox/table.ts'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import type { Client } from './client.ts'
import { openLink } from './faulty-link.ts'
import { createDatabase, redisUrl, type Tables } from './services.ts'
import { until } from './until.ts'

interface Startable<C extends KitConfig> {
  config: C
  visitor(): Client
  close(): Promise<void>
}

/** Call it at the top of a test file: outbox and queue are emptied after each test, and all is closed after the last. */
export async function startOnLinks<
  C extends KitConfig,
  R extends string,
  O extends object,
  A extends Startable<C>,
>(tables: Tables, startApp: (env: Record<string, string>) => Promise<A>, manifest: Manifest<R, C, O>) {
  const database = await createDatabase(tables)
  const postgres = await openLink(database.url)
  const redis = await openLink(redisUrl())
  const app = await startApp({ DATABASE_URL: postgres.url, REDIS_URL: redis.url })
  /** By connections of their own, past the links. */
  const direct = createDeps({ ...app.config, redisUrl: redisUrl(), databaseUrl: database.url }, manifest)
  const queueAdmin = createQueueAdmin({ redis: direct.redis, prefix: app.config.redisPrefix })

  let ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    await Promise.all(ends.map((end) => end()))
    ends = []
    await direct.deps.db.delete(outbox)
    for (const { id } of await queueAdmin.list('waiting', 1, 1000)) await queueAdmin.drop(id)
    // A link that was cut is back, but not yet found.
    await until('the services', async () => (await app.visitor().get('/ready')).status === 200)
  })
  afterAll(async () => {
    await direct.close()
    await app.close()
    await Promise.all([postgres.close(), redis.close()])
    await database.drop()
  })

  /** What the outbox holds. */
  const rows = () => direct.deps.db.select().from(outbox)
  const emptied = () => until('an empty outbox', async () => (await rows()).length === 0)
  /** Ends what a test has started, before all is emptied. */
  const atEnd = (end: () => Promise<unknown>) => void ends.push(end)
  return { atEnd, database, postgres, redis, app, direct, queueAdmin, rows, emptied }
}
