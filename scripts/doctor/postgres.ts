// Postgres as the app's role meets it: reachable, of an age, migrated, with its rights, and connections for every process.
import postgres from 'postgres'
import type { Config } from '../../src/config.ts'
import { connectionsPerProcess } from '../../src/kit/data/postgres.ts'
import {
  CONNECTION_SETTINGS,
  TRACKED_SETTINGS,
  UNTRACKED_SETTINGS,
} from '../../src/kit/data/postgres/connection-settings.ts'
import { type Migration, readApplied } from '../../src/kit/data/postgres/migrations.ts'
import { findMissingRights, grantOf, type MissingRights, roleOf } from '../../src/kit/data/postgres/rights.ts'
import { mostConnections } from '../../src/kit/process/host.ts'
import { countPrograms } from '../../src/kit/process/program.ts'
import { programs } from '../../src/programs.ts'
import { findSkipped, MIGRATIONS_FOLDER, readMigrations } from '../migrate/folder.ts'
import { findPrimary } from '../primary.ts'
import { judgePostgresUse, readPostgresUse } from './bounds.ts'
import { checkClock } from './clock.ts'
import { CONNECT_TIMEOUT_S, fail, type Finding, messageOf, ok, warn } from './finding.ts'
import { checkHosts } from './hosts.ts'

const MIN_VERSION = 150_000
/** What a migration (three), a console and an administrator take beside the pools. */
const SPARE_CONNECTIONS = 5

export interface ServerFacts {
  role: string
  database: string
  version: string
  version_num: number
  encoding: string
  read_only: boolean
  max: number
  /** Kept back for superusers. */
  reserved: number
  /** Connections of others than this app. */
  others: number
}

export async function checkPostgres(config: Config): Promise<Finding[]> {
  const findings = await ask(config, CONNECTION_SETTINGS)
  if (findings !== 'refused') return findings
  // A pooler, which knows few settings of a connection: what counts then is what the role has.
  return (await ask(config, TRACKED_SETTINGS)) as Finding[]
}

async function ask(config: Config, connection: Record<string, string>): Promise<Finding[] | 'refused'> {
  const ofPrograms = countPrograms(programs, config).map((program) => program.processes)
  const processes = [config.processes.web, config.processes.workers, ...ofPrograms].reduce((a, b) => a + b)
  let url: string
  try {
    url = await findPrimary(config.databaseUrl)
  } catch (error) {
    return [fail('Postgres', messageOf(error), 'Check DATABASE_URL, and that one of its hosts is a primary')]
  }
  const { hostname, pathname } = new URL(url)
  const where = `${hostname}${pathname}`
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    connection,
  })
  try {
    const [facts] = await sql<ServerFacts[]>`
      select current_setting('server_version') as version,
        current_setting('server_version_num')::int as version_num,
        current_setting('server_encoding') as encoding,
        current_user as role, current_database() as database,
        pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as read_only,
        current_setting('max_connections')::int as max,
        current_setting('superuser_reserved_connections')::int as reserved,
        (select count(*)::int from pg_stat_activity
          where backend_type = 'client backend' and pid <> pg_backend_pid()
            and application_name <> ${config.name}) as others`
    if (facts === undefined) throw new Error('it answered nothing')
    const missing = await findMissingRights(sql, { migrator: roleOf(config.migrateDatabaseUrl) })
    // What a role may not read is told as that.
    const mayReadApplied = !missing.some(({ object }) => /^drizzle\b/.test(object))
    return [
      ok('Postgres', `${where} answers`),
      ...(await checkHosts(config.databaseUrl)),
      ...judgeServer(facts),
      judgeSettings(
        await readSettings(sql),
        facts,
        connection === CONNECTION_SETTINGS
          ? {}
          : { statement_timeout: config.requestTimeoutMs, lock_timeout: config.lockTimeoutMs },
      ),
      judgeConnections(facts, connectionsPerProcess(config), processes),
      ...judgePostgresUse(await readPostgresUse(sql)),
      judgeRights(missing, facts.role),
      ...(mayReadApplied
        ? [judgeMigrations(readMigrations(MIGRATIONS_FOLDER), await readApplied(sql), config.production)]
        : []),
      await checkClock('Postgres', async () => {
        const [row] = await sql<
          { ms: number }[]
        >`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`
        return row?.ms ?? NaN
      }),
    ]
  } catch (error) {
    if (connection === CONNECTION_SETTINGS && isRefusedSetting(error)) return 'refused'
    return [
      fail(
        'Postgres',
        `${where} cannot be used: ${messageOf(error)}`,
        'Check DATABASE_URL, and that it runs',
      ),
    ]
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const isRefusedSetting = (error: unknown) => /unsupported startup parameter/.test(messageOf(error))

const TOLD: string[] = [...Object.keys(UNTRACKED_SETTINGS), 'statement_timeout', 'lock_timeout']

/** What counts on this connection in the end: a pooler may have dropped what it was asked for. */
async function readSettings(sql: postgres.Sql): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; value: string }[]>`
    select name, case name when 'search_path' then current_schema() else setting end as value
    from pg_settings where name in ${sql(TOLD)}`
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

/**
 * @param settings by name, as they count; of the search path the schema that comes first
 * @param timeouts milliseconds, that the role has to have because a pooler takes none from the app
 */
export function judgeSettings(
  settings: Record<string, string>,
  { role, database }: Pick<ServerFacts, 'role' | 'database'>,
  timeouts: Record<string, number> = {},
): Finding {
  const check = 'Postgres settings'
  const wrong = [
    ...Object.entries(UNTRACKED_SETTINGS).filter(([name, wanted]) =>
      name === 'extra_float_digits' ? Number(settings[name]) < Number(wanted) : settings[name] !== wanted,
    ),
    ...Object.entries(timeouts).filter(([name]) => settings[name] === '0'),
  ]
  if (wrong.length === 0) return ok(check, 'values are written and read as the code expects')
  const found = wrong.map(([name]) => `${name} is ${settings[name]}`).join(', ')
  const set = wrong.map(([name, wanted]) => `SET ${name} = '${wanted}'`)
  return warn(
    check,
    `${found}: a pooler drops what the app asks for`,
    set.map((each) => `ALTER ROLE "${role}" IN DATABASE "${database}" ${each};`).join(' '),
  )
}

export function judgeRights(missing: MissingRights[], role: string): Finding {
  const check = 'Postgres rights'
  if (missing.length === 0) return ok(check, `"${role}" has all that the app needs`)
  const found = `"${role}" lacks ${missing.map(({ rights, object }) => `${rights.join(', ')} on ${object}`).join('; ')}`
  const grants = missing.map((rights) => grantOf(rights, role)).join(' ')
  return missing.some(({ unusable }) => unusable)
    ? fail(
        check,
        found,
        `npm run migrate, with MIGRATE_DATABASE_URL beside DATABASE_URL; or as their owner: ${grants}`,
      )
    : warn(check, found, `If that is not on purpose, as their owner: ${grants}`)
}

export function judgeServer({
  version,
  version_num,
  encoding,
  read_only,
}: Pick<ServerFacts, 'version' | 'version_num' | 'encoding' | 'read_only'>): Finding[] {
  const findings: Finding[] = [
    version_num >= MIN_VERSION
      ? ok('Postgres version', version)
      : warn('Postgres version', `${version}, older than what is tested`, 'Use Postgres 15 or newer'),
  ]
  if (encoding !== 'UTF8') {
    findings.push(
      fail(
        'Postgres encoding',
        encoding,
        `Make a database with ENCODING 'UTF8'; \`npm run migrate\` says how`,
      ),
    )
  }
  if (read_only) {
    findings.push(
      fail('Postgres role', 'it is read-only, a standby perhaps', 'Let DATABASE_URL name the primary'),
    )
  }
  return findings
}

export function judgeConnections(facts: ServerFacts, perProcess: number, processes: number): Finding {
  const { max, reserved, others } = facts
  const most = mostConnections(processes, perProcess)
  const wanted = most + SPARE_CONNECTIONS
  const available = max - reserved - others
  const sum = `${processes} processes, and one more during a reload, with ${perProcess} connections each: ${most}, and ${SPARE_CONNECTIONS} to spare: ${wanted}`
  const found = `${sum} of ${available} (max_connections ${max}, ${reserved} reserved, ${others} used by others)`
  if (wanted <= available) return ok('Postgres connections', found)
  return fail(
    'Postgres connections',
    found,
    'Lower DATABASE_POOL or the number of processes, raise max_connections, or put a pooler in between',
  )
}

/** @param applied when each was made, in unix milliseconds, as the database remembers it */
export function judgeMigrations(journal: Migration[], applied: number[], production: boolean): Finding {
  const check = 'migrations'
  const missing = journal.filter(({ when }) => !applied.includes(when))
  const skipped = findSkipped(journal, applied)
  if (skipped.length > 0) {
    return fail(
      check,
      `${skipped.map(({ tag }) => tag).join(', ')} will never be applied: older than one that was`,
      'Keep your own drizzle/ and generate the difference: UPGRADING.md says how',
    )
  }
  if (missing.length === 0) return ok(check, `all ${journal.length} are applied`)
  const found = `${missing.length} of ${journal.length} are not applied yet`
  return production ? warn(check, found, 'npm run migrate') : ok(check, `${found}: npm start will`)
}
