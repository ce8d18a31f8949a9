// Backups that are tried: the disk of Postgres or of Redis is lost, and what was backed up is what is there again.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { z } from 'zod'
import { migrate } from '../../../scripts/migrate.ts'
import { MIGRATIONS_FOLDER } from '../../../scripts/migrate/folder.ts'
import { type Account, run, SERVICE_ENV } from '../../../scripts/services/child.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../../kit/support/until.ts'
import { startApp, type TestApp } from '../../support/harness.ts'
import { startTestWorker } from '../../support/worker.ts'
import { freePort } from '../../kit/support/ports.ts'

const VERSIONS = '/usr/lib/postgresql'
const [version] = existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a)) : []
const BIN = join(VERSIONS, String(version), 'bin')
const isRoot = process.getuid?.() === 0
const canPostgres = isRoot && version !== undefined && Bun.which('pgbackrest') !== null
const canRedis = Bun.which('redis-server') !== null && Bun.which('redis-cli') !== null
const skipped = [!canPostgres && 'Postgres (root, postgresql and pgbackrest)', !canRedis && 'Redis (redis)']
const missing = skipped.filter(Boolean).join(' and of ')
if (missing) process.stderr.write(`SKIPPED: backups of ${missing}\n`)

const folder = mkdtempSync(join(tmpdir(), 'restbun-backups-'))
const running = new Set<ChildProcess>()
let app: TestApp
let databaseUrl = ''
let redisPort = 0

beforeAll(async () => {
  chmodSync(folder, 0o755)
  if (canPostgres) databaseUrl = await startPostgres()
  if (canRedis) redisPort = await startRedis()
  app = await startApp({
    ...(canPostgres && { DATABASE_URL: databaseUrl }),
    ...(canRedis && { REDIS_URL: `redis://127.0.0.1:${redisPort}` }),
  })
})
afterAll(async () => {
  await app.close()
  for (const child of running) await kill(child)
  rmSync(folder, { recursive: true })
})

function start(command: string, args: string[], account?: Account): ChildProcess {
  const child = spawn(command, args, { env: SERVICE_ENV, cwd: '/', stdio: 'ignore', ...account })
  running.add(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

const untilReady = () =>
  until('the service to be ready', async () => (await app.visitor().get('/ready')).status === 200)

// --- Postgres, by pgBackRest to a folder

const data = join(folder, 'postgres')
const config = join(folder, 'pgbackrest.conf')
let account: Account
let server: ChildProcess
let port = 0

const pgBackRest = (...args: string[]) =>
  run('pgbackrest', [`--config=${config}`, '--stanza=myapp', ...args], { account, cwd: '/' })

async function startPostgres(): Promise<string> {
  const idOf = (flag: string) => Number(Bun.spawnSync(['id', flag, 'postgres']).stdout.toString())
  account = { uid: idOf('-u'), gid: idOf('-g') }
  port = await freePort()
  for (const path of [data, join(folder, 'repo'), join(folder, 'run')]) {
    mkdirSync(path, { mode: 0o700 })
    chownSync(path, account.uid, account.gid)
  }
  writeFileSync(
    config,
    `[global]
repo1-path=${folder}/repo
repo1-retention-full=2
lock-path=${folder}/run
log-level-file=off
start-fast=y
[myapp]
pg1-path=${data}
pg1-port=${port}
pg1-socket-path=${folder}/run
`,
  )
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8']
  await run(join(BIN, 'initdb'), initdb, { account, cwd: '/' })
  await serve()
  await ask((sql) => sql`create database myapp`, 'postgres')
  await pgBackRest('stanza-create')
  await pgBackRest('check') // a segment of WAL arrives
  const url = `postgres://postgres:secret@127.0.0.1:${port}/myapp`
  await migrate(url, { folder: MIGRATIONS_FOLDER })
  return url
}

/** Resolves when it takes writes. */
async function serve(): Promise<void> {
  const settings = [
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}/run`,
    'archive_mode=on',
    `archive_command=pgbackrest --config=${config} --stanza=myapp archive-push %p`,
  ]
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
  server = start(join(BIN, 'postgres'), args, account)
  await until('Postgres to take writes', () =>
    ask((sql) => sql`select pg_is_in_recovery() as still`, 'postgres').then(
      ([row]) => row?.still === false,
      () => false,
    ),
  )
}

async function ask(
  query: (sql: postgres.Sql) => PromiseLike<Record<string, unknown>[]>,
  database = 'myapp',
): Promise<Record<string, unknown>[]> {
  const options = { host: '127.0.0.1', port, user: 'postgres', database, max: 1, onnotice: () => {} }
  const sql = postgres(options)
  try {
    return await query(sql)
  } finally {
    await sql.end()
  }
}

test.skipIf(!canPostgres)(
  'Postgres comes back as it was at a moment: rows of before and after the backup, and no mistake',
  async () => {
    const before = await app.member('editor')
    await pgBackRest('backup', '--type=full')
    const after = await app.member('editor') // in no backup: in the WAL alone
    const emails = async () =>
      (await ask((sql) => sql`select email from users order by email`)).map(({ email }) => email)
    // pgBackRest counts in seconds, and takes a backup only if it had ended in one before that of the moment.
    const ended = Math.floor(Date.now() / 1000)
    await until('the next second', () => Math.floor(Date.now() / 1000) > ended)
    const good = await emails()
    const [moment] = await ask((sql) => sql`select clock_timestamp()::text as at`)

    await ask((sql) => sql`delete from users`)
    const [mistake] = await ask((sql) => sql`select pg_walfile_name(pg_switch_wal()) as segment`)
    await until('the mistake to be archived', async () => {
      const [row] = await ask(
        (sql) => sql`select last_archived_wal >= ${String(mistake?.segment)} as done from pg_stat_archiver`,
      )
      return row?.done
    })
    expect(await emails()).toEqual([])
    await kill(server)
    rmSync(data, { recursive: true })

    mkdirSync(data, { mode: 0o700 })
    chownSync(data, account.uid, account.gid)
    await pgBackRest('restore', '--type=time', `--target=${String(moment?.at)}`, '--target-action=promote')
    await serve()
    await untilReady()

    expect(await emails()).toEqual(good)
    expect(good).toContain(after.account.email)
    for (const { account: person } of [before, after])
      expect((await app.visitor().post('/api/login', person)).status).toBe(200)
    await app.member('editor') // it takes writes
    await pgBackRest('backup', '--type=full') // and is backed up from there on
  },
)

// --- Redis, by its own means

const redisFolder = join(folder, 'redis')
let redis: ChildProcess

const client = () => new Redis(redisPort, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: null })

/** What one command answers, on a connection of its own. */
async function command(name: string, ...args: string[]): Promise<string> {
  const connection = client()
  connection.on('error', () => {}) // the rejected command tells
  try {
    await connection.connect()
    return String(await connection.call(name, ...args))
  } finally {
    connection.disconnect()
  }
}

async function startRedis(appendonly: 'yes' | 'no' = 'yes'): Promise<number> {
  redisPort ||= await freePort()
  mkdirSync(redisFolder, { recursive: true })
  const settings = { bind: '127.0.0.1', port: String(redisPort), dir: redisFolder, save: '', appendonly }
  redis = start(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
  )
  await until('Redis to have read its files', () => command('PING').catch(() => false))
  return redisPort
}

/** As a disk that is gone. */
async function loseRedis(): Promise<void> {
  await kill(redis)
  rmSync(redisFolder, { recursive: true })
  mkdirSync(redisFolder)
}

const rewritten = () =>
  until('the AOF to be written anew', async () =>
    /aof_rewrite_in_progress:0[^]*aof_rewrite_scheduled:0/.test(await command('INFO', 'persistence')),
  )

/** Each takes a copy while the service runs, and says how the lost Redis is made from it. */
const ways: [string, () => Promise<() => Promise<void>>][] = [
  [
    'a dump by redis-cli',
    async () => {
      const dump = join(folder, 'dump.rdb')
      await run('redis-cli', ['-p', String(redisPort), '--rdb', dump])
      return async () => {
        await run('cp', [dump, join(redisFolder, 'dump.rdb')])
        await startRedis('no') // with AOF on it would not look at the dump
        await command('CONFIG', 'SET', 'appendonly', 'yes')
        await rewritten()
      }
    },
  ],
  [
    'a copy of the append-only files',
    async () => {
      const copy = join(folder, 'appendonlydir')
      await command('CONFIG', 'SET', 'auto-aof-rewrite-percentage', '0') // no file goes away meanwhile
      await rewritten()
      await run('cp', ['-r', join(redisFolder, 'appendonlydir'), copy])
      await command('CONFIG', 'SET', 'auto-aof-rewrite-percentage', '100')
      return async () => {
        await run('cp', ['-r', copy, redisFolder])
        await startRedis()
      }
    },
  ],
]

test.skipIf(!canRedis).each(ways)(
  'Redis comes back by %s: sessions count, and jobs run',
  async (_, backUp) => {
    const ran = new Set<number>()
    const noted = defineTask({
      name: 'noted',
      input: z.object({ number: z.number() }),
      run: ({ number }) => Promise.resolve(void ran.add(number)),
    })
    const person = await app.member('editor')
    const jobs = Array.from({ length: 100 }, (_each, number) => number)
    for (const number of jobs) await app.deps.enqueue(noted, { number }, { delayMs: number % 2 ? 1 : 0 })

    const restore = await backUp()
    const late = await app.member('editor') // after the copy: its session is lost
    await loseRedis()
    await restore()
    await untilReady()

    expect((await person.get('/api/me')).status).toBe(200)
    expect((await late.get('/api/me')).status).toBe(401)
    const worker = await startTestWorker(app, [noted])
    try {
      await until('all jobs to have run', () => ran.size === jobs.length)
    } finally {
      await worker.stop()
    }
    expect([...ran].toSorted((a, b) => a - b)).toEqual(jobs)
  },
)
