// What a run of the tests stands on: Postgres and Redis, a migrated template database, and names that are its own.
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type postgres from 'postgres'
import { withConnection } from '../connection.ts'
import { migrate } from '../migrate.ts'
import { MIGRATIONS_FOLDER } from '../migrate/folder.ts'
import { startServices } from '../services.ts'

/** What the tests find in their environment. */
export interface TestRun {
  /** A server where databases may be created. */
  TEST_DATABASE_URL: string
  TEST_REDIS_URL: string
  /** Every database and every Redis key of the run begins with it. */
  TEST_RUN: string
}

/**
 * Starts embedded services in a temporary directory, for each of the two that TEST_DATABASE_URL and TEST_REDIS_URL
 * do not name. TEST_REDIS=embedded takes the embedded Redis even where a redis-server is installed.
 * `close` removes whatever the run has left, on given servers too.
 */
export async function prepareTestRun(
  env: Record<string, string | undefined>,
): Promise<{ run: TestRun; close(): Promise<void> }> {
  const given = { databaseUrl: env.TEST_DATABASE_URL || undefined, redisUrl: env.TEST_REDIS_URL || undefined }
  const services =
    given.databaseUrl && given.redisUrl
      ? undefined
      : await startServices({
          dataDir: mkdtempSync(join(tmpdir(), 'restbun-test-')),
          postgres: !given.databaseUrl,
          redis: !given.redisUrl && (env.TEST_REDIS === 'embedded' ? 'embedded' : 'any'),
          scratch: true,
        })
  const run: TestRun = {
    TEST_DATABASE_URL: given.databaseUrl ?? services?.databaseUrl ?? '',
    TEST_REDIS_URL: given.redisUrl ?? services?.redisUrl ?? '',
    TEST_RUN: `restbun_test_${randomBytes(4).toString('hex')}`,
  }
  const close = async () => {
    if (given.databaseUrl) await dropDatabases(run)
    if (given.redisUrl) await deletePrefix(given.redisUrl, `${run.TEST_RUN}:`)
    await services?.close()
  }
  try {
    await Promise.all([createTemplate(run, 'project'), createTemplate(run, 'kit')])
  } catch (error) {
    await close()
    throw error
  }
  return { run, close }
}

/** The migrations of the project, and those of the product that the kit's tests stand on. */
const MIGRATIONS = {
  project: MIGRATIONS_FOLDER,
  kit: join(import.meta.dir, '../../test/kit/product/drizzle'),
}

/** Whose tables a test database has. */
export type Tables = keyof typeof MIGRATIONS

/** The migrated database that test databases are cloned from. */
export const templateName = (run: TestRun, tables: Tables) => `${run.TEST_RUN}_template_${tables}`

async function createTemplate(run: TestRun, tables: Tables): Promise<void> {
  const name = templateName(run, tables)
  await withConnection(run.TEST_DATABASE_URL, async (sql) => {
    await sql.unsafe(`CREATE DATABASE ${name} ${await utf8Options(sql)}`)
  })
  await migrate(databaseUrl(run, name), { folder: MIGRATIONS[tables] })
}

/** Options of CREATE DATABASE that give the same encoding and the same order of texts on every server. */
export async function utf8Options(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ version: number }[]>`
    select current_setting('server_version_num')::int as version`
  const locale =
    (row?.version ?? 0) >= 170_000
      ? `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'`
      : `LOCALE_PROVIDER libc LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'`
  return `TEMPLATE template0 ENCODING 'UTF8' ${locale}`
}

export function databaseUrl(run: TestRun, name: string): string {
  const url = new URL(run.TEST_DATABASE_URL)
  url.pathname = `/${name}`
  return url.href
}

async function dropDatabases(run: TestRun): Promise<void> {
  await withConnection(run.TEST_DATABASE_URL, async (sql) => {
    const rows = await sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${run.TEST_RUN})`
    for (const { name } of rows) await sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  })
}

/** Deletes every key that begins with the prefix, and no other. */
export async function deletePrefix(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl)
  try {
    const pattern = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
    let cursor = '0'
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1000)
      // One by one: TEST_REDIS_URL may be a Cluster of one, which refuses keys of two slots.
      await Promise.all(keys.map((key) => redis.unlink(key)))
      cursor = next
    } while (cursor !== '0')
  } finally {
    redis.disconnect()
  }
}
