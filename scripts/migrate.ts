// Applies the migrations of drizzle/ to a database. Safe to run from many places at once: each is applied once.
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { findSkipped, MIGRATIONS_FOLDER, readApplied, readJournal } from '../src/infra/migrations.ts'
import { refuseArguments } from './command.ts'
import { provideServices } from './services.ts'

/** The advisory lock that all runs wait for: any number that every version of the program agrees on. */
const LOCK = 7_263_501

/**
 * Applies what is missing, under a lock, all or nothing.
 * @returns how many were applied
 * @throws Error if the database is not UTF8, if a migration would be passed over, or with the cause that Postgres gave
 */
export async function migrate(url: string, log: (line: string) => void = () => {}): Promise<number> {
  // One connection that never changes: the lock belongs to the session.
  const sql = postgres(url, { max: 1, idle_timeout: 0, max_lifetime: null, onnotice: () => {} })
  try {
    await refuseOtherEncodings(sql)
    await sql`select pg_advisory_lock(${LOCK})`
    const before = await readApplied(sql)
    refuseSkipped(before)
    await applyMigrations(drizzle(sql), { migrationsFolder: MIGRATIONS_FOLDER })
    const applied = (await readApplied(sql)).length - before.length
    log(applied === 0 ? 'the database is up to date' : `applied ${applied} of ${countKnown()} migrations`)
    return applied
  } catch (error) {
    // Drizzle's own message is the whole statement; what went wrong is in the cause.
    if (isUnreachable(error)) {
      const { host } = new URL(url)
      throw new Error(`Postgres at ${host} does not answer (DATABASE_URL): ${error.message}`, {
        cause: error,
      })
    }
    throw error instanceof Error && error.cause instanceof Error
      ? new Error(`A migration failed: ${error.cause.message}`, { cause: error })
      : error
  } finally {
    await sql.end()
  }
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

function refuseSkipped(applied: number[]): void {
  const [skipped] = findSkipped(readJournal(), applied)
  if (skipped === undefined) return
  throw new Error(
    `drizzle/${skipped.tag}.sql is older than a migration that this database has already, and would be passed over. ` +
      'After a merge: keep your own drizzle/ and generate the difference (see the README). ' +
      'A development database can be made anew: delete .data/',
  )
}

/** How many migrations drizzle/ holds. */
export const countKnown = () => readJournal().length

if (import.meta.main) {
  refuseArguments('Usage: npm run migrate   applies what is missing to MIGRATE_DATABASE_URL or DATABASE_URL')
  try {
    const { env, close } = await provideServices(process.env, { postgres: true, redis: false })
    const url = env.MIGRATE_DATABASE_URL || env.DATABASE_URL
    if (!url) throw new Error('DATABASE_URL is not set: production needs it')
    try {
      await migrate(url, console.log)
    } finally {
      await close()
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
