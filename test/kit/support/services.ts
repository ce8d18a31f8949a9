// What a test file stands on: a database of its own, and a key prefix of its own on the shared Redis.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  databaseUrl,
  deletePrefix as deleteKeys,
  templateName,
  type Tables,
  type TestRun,
  utf8Options,
} from '../../../scripts/services/test-run.ts'
import { withConnection } from '../../../scripts/connection.ts'

export type { Tables }

const OBJECT_IN_USE = '55006'
const RETRY_MS = 50

export interface TestDatabase {
  url: string
  drop(): Promise<void>
}

/**
 * A database with the project's tables, or those of the kit's own product: a clone of the run's template. Its files are
 * copied as they lie: page by page through Postgres' buffers and log, as is its default, takes three times the CPU.
 */
export const createDatabase = (tables: Tables = 'project') =>
  create(`TEMPLATE ${templateName(theRun(), tables)} STRATEGY = FILE_COPY`)

/** A database without a table; UTF8 as everywhere if `options` of CREATE DATABASE do not say otherwise. */
export const createEmptyDatabase = (options?: string) => create(options)

export const redisUrl = () => theRun().TEST_REDIS_URL

/** Begins the keys of one test file. */
export const uniquePrefix = () => `${theRun().TEST_RUN}:${randomBytes(4).toString('hex')}:`

/** Deletes the keys of a prefix, and no others. */
export const deletePrefix = (prefix: string) => deleteKeys(redisUrl(), prefix)

/** A busy machine is slow, and that is no failure: of requests, of what waits in line for a connection, of locks. */
export const PATIENT = {
  REQUEST_TIMEOUT_MS: '240000', // a quarter of it may be spent in line
  LOCK_TIMEOUT_MS: '60000',
  SEARCH_TIMEOUT_MS: '60000',
  REDIS_TIMEOUT_MS: '60000',
  // Nor does it log more.
  LOG_SLOW_QUERY_MS: '0',
  SLOW_REQUEST_MS: '60000',
}

/** Bun keeps here what it made of the packages, once for all processes; without a home it would make it anew in each. */
const TRANSPILED = join(import.meta.dir, '../../../node_modules/.cache/transpiled')

/** The environment of a process of the service: on the services of this run, and on any free port. */
export const serverEnv = (databaseUrl: string, prefix: string) => ({
  PATH: process.env.PATH ?? '',
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: TRANSPILED,
  DATABASE_URL: databaseUrl,
  MIGRATE_DATABASE_URL: '', // or the one of a developer's .env would count
  REDIS_URL: redisUrl(),
  REDIS_PREFIX: prefix,
  PORT: '0',
  ...PATIENT,
  BOOT_TIMEOUT_MS: '120000',
  HARAKIRI_MS: '30000',
})

async function create(options?: string): Promise<TestDatabase> {
  const run = theRun()
  const name = `${run.TEST_RUN}_${randomBytes(4).toString('hex')}`
  await withConnection(run.TEST_DATABASE_URL, async (sql) => {
    const statement = `CREATE DATABASE ${name} ${options ?? (await utf8Options(sql))}`
    for (;;) {
      try {
        return await sql.unsafe(statement)
      } catch (error) {
        // Another file clones the template at this moment.
        if ((error as { code?: string }).code !== OBJECT_IN_USE) throw error
        await Bun.sleep(RETRY_MS)
      }
    }
  })
  return {
    url: databaseUrl(run, name),
    async drop() {
      await withConnection(run.TEST_DATABASE_URL, (sql) =>
        sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      )
    },
  }
}

function theRun(): TestRun {
  const { TEST_DATABASE_URL, TEST_REDIS_URL, TEST_RUN } = process.env
  if (!TEST_DATABASE_URL || !TEST_REDIS_URL || !TEST_RUN) {
    throw new Error('TEST_RUN is not set: test/preload.ts sets it, and bunfig.toml names that file')
  }
  return { TEST_DATABASE_URL, TEST_REDIS_URL, TEST_RUN }
}
