// Applies the migrations of drizzle/ to a database. Safe to run from many places at once: each is applied once.
import { readMigrationFiles } from 'drizzle-orm/migrator'
import postgres from 'postgres'
import { name } from '../package.json'
import { TRACKED_SETTINGS } from '../src/kit/data/postgres/connection-settings.ts'
import { readApplied } from '../src/kit/data/postgres/migrations.ts'
import { roleOf } from '../src/kit/data/postgres/rights.ts'
import { takeArguments } from './command.ts'
import { apply } from './migrate/apply.ts'
import { findSkipped, MIGRATIONS_FOLDER, readMigrations } from './migrate/folder.ts'
import { findOtherRole, grantFuture, grantPresent } from './migrate/grants.ts'
import { PATIENCE } from './migrate/patience.ts'
import { inTurn } from './migrate/turn.ts'
import { findPrimary } from './primary.ts'
import { provideServices } from './services.ts'

export interface MigrateOptions {
  log?: (line: string) => void
  /** DATABASE_URL: if its role is another one, it gets the rights that the app needs. */
  appUrl?: string
  folder?: string
  patience?: typeof PATIENCE
}

/**
 * Applies what is missing, one migration after the other, each committed with its record.
 * @returns how many were applied
 * @throws Error if the database is not UTF8, if a migration would be passed over, or with the migration that failed, and
 * why; those before it stay applied
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<number> {
  const { log = () => {}, appUrl = url, folder = MIGRATIONS_FOLDER, patience = PATIENCE } = options
  const primary = await findPrimary(url)
  const connect = () =>
    postgres(primary, {
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      prepare: false, // behind a pooler the next statement may run elsewhere
      onnotice: () => {},
      connection: { application_name: `${name} migrate`, ...TRACKED_SETTINGS },
    })
  const sql = connect()
  const turns = connect()
  const watcher = connect()
  try {
    await refuseOtherEncodings(sql)
    return await inTurn(turns, patience, log, async (turn) => {
      const app = await findOtherRole(sql, roleOf(appUrl))
      if (app !== undefined) await grantFuture(sql, app)
      const applied = await readApplied(sql)
      const journal = readMigrations(folder)
      refuseSkipped(findSkipped(journal, applied))
      await createRecords(sql)
      const files = readMigrationFiles({ migrationsFolder: folder })
      const pending = files.filter(({ folderMillis }) => !applied.includes(folderMillis))
      for (const file of pending) {
        const { tag } = journal.find(({ when }) => when === file.folderMillis) ?? { tag: 'unknown' }
        await apply(`drizzle/${tag}.sql`, file, { sql, watcher, turn, patience, log })
      }
      const granted = app === undefined ? 0 : await grantPresent(sql, app)
      if (granted > 0) log(`the role "${app}" has its rights on ${granted} more tables and sequences`)
      log(
        pending.length === 0
          ? 'the database is up to date'
          : `applied ${pending.length} of ${journal.length} migrations`,
      )
      return pending.length
    })
  } catch (error) {
    if (!isUnreachable(error)) throw error
    throw new Error(`Postgres at ${new URL(primary).host} does not answer (DATABASE_URL): ${error.message}`, {
      cause: error,
    })
  } finally {
    // Nothing runs any more; without a limit the driver waits for a connection that was cut.
    await Promise.all([sql, turns, watcher].map((each) => each.end({ timeout: 1 })))
  }
}

/** Where Drizzle's own `migrate` keeps them. Only where they are not: a role that may not create schemas can go on. */
async function createRecords(sql: postgres.Sql): Promise<void> {
  const [found] = await sql`
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'drizzle' and c.relname = '__drizzle_migrations'`
  if (found !== undefined) return
  await sql.begin(async (tx) => {
    await tx`create schema if not exists drizzle`
    await tx`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`
  })
}

const isUnreachable = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && /^(E[A-Z]+|CONNECT_TIMEOUT)$/.test(String(error.code))

async function refuseOtherEncodings(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ name: string; encoding: string }[]>`
    select current_database() as name, current_setting('server_encoding') as encoding`
  if (row === undefined || row.encoding === 'UTF8') return
  throw new Error(
    `The database "${row.name}" stores ${row.encoding}, but UTF8 is needed. Make one by: ` +
      `CREATE DATABASE "${row.name}" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'`,
  )
}

function refuseSkipped([skipped]: { tag: string }[]): void {
  if (skipped === undefined) return
  throw new Error(
    `drizzle/${skipped.tag}.sql is older than a migration that this database has already, and would be passed over. ` +
      'After a merge: keep your own drizzle/ and generate the difference (see UPGRADING.md). ' +
      'The database of a checkout can be made anew: npm run db:reset',
  )
}

if (import.meta.main) {
  takeArguments(
    'Usage: npm run migrate   applies what is missing to MIGRATE_DATABASE_URL or DATABASE_URL',
    {},
  )
  try {
    const { env, close } = await provideServices(process.env, { postgres: true, redis: false })
    const url = env.MIGRATE_DATABASE_URL || env.DATABASE_URL
    if (!url) throw new Error('DATABASE_URL is not set: production needs it')
    try {
      await migrate(url, { log: console.log, appUrl: env.DATABASE_URL || url })
      if (!env.DATABASE_URL) {
        console.log(
          'An app of another role needs rights on these tables: name it by DATABASE_URL, and they are given',
        )
      }
    } finally {
      await close()
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
