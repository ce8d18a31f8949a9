// `npm run doctor`: what is wrong is found, with its fix, and told to scripts by the exit code.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judgeClock } from '../../../scripts/doctor/clock.ts'
import { judgePostgresUse, judgeProcessUse, judgeRedisUse } from '../../../scripts/doctor/bounds.ts'
import { judgeCluster, judgeHosts, judgeReplicas, mergeFindings } from '../../../scripts/doctor/company.ts'
import type { Finding } from '../../../scripts/doctor/finding.ts'
import { checkBun, checkOpenFiles } from '../../../scripts/doctor/machine.ts'
import {
  judgeConnections,
  judgeMigrations,
  judgeServer as judgePostgres,
  judgeSettings,
} from '../../../scripts/doctor/postgres.ts'
import { judgeQueues } from '../../../scripts/doctor/queues.ts'
import { judgeRoutes } from '../../../scripts/doctor/router.ts'
import { findMisspelt } from '../../../scripts/doctor/settings.ts'
import { judgePersistence, judgeServer as judgeRedis } from '../../../scripts/doctor/redis.ts'
import { UNTRACKED_SETTINGS } from '../../../src/kit/data/postgres/connection-settings.ts'
import { startApp, type TestApp } from '../../support/harness.ts'
import { hasRedisServer } from '../jobs/real-redis.ts'
import { withClusterOfOne } from '../support/cluster-of-one.ts'
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts'
import { startReplica } from '../support/replica.ts'
import { createRole } from '../support/roles.ts'
import { withConnection } from '../../../scripts/connection.ts'
import { freePort } from '../support/ports.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

async function doctor(env: Record<string, string> = {}, args = ['--json']) {
  const { databaseUrl, redisUrl } = app.config
  const child = Bun.spawn([process.execPath, join(import.meta.dir, '../../../scripts/doctor.ts'), ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: databaseUrl,
      MIGRATE_DATABASE_URL: '',
      REDIS_URL: redisUrl,
      ...env,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code, findings: (args.includes('--json') && out ? JSON.parse(out) : []) as Finding[] }
}

const named = (findings: Finding[], check: string) => findings.find((finding) => finding.check === check)

test('where all is well nothing fails, and the exit code is 0', async () => {
  const { code, findings } = await doctor()
  expect([code, findings.filter(({ level }) => level === 'fail')]).toEqual([0, []])
  for (const check of [
    'Bun',
    'settings',
    'router',
    'port 0',
    'Postgres',
    'migrations',
    'Redis',
    'Redis eviction',
    'Postgres bounds',
    'Redis bounds',
    'mail',
  ]) {
    expect([check, named(findings, check)?.level]).toEqual([check, 'ok'])
  }
})

test('every faulty setting is told, the rest is examined all the same, and no secret is shown', async () => {
  const { code, out, err, findings } = await doctor({
    SLOW_REQUEST_MS: 'soon',
    BODY_LIMIT: '1gb',
    DATABASE_URL: 'postgres://ann:hunter2@127.0.0.1:1/none',
    REDIS_URL: 'redis://:hunter3@127.0.0.1:1',
    SMTP_URL: 'smtp://ann:hunter4@127.0.0.1:1',
  })
  expect(code).toBe(1)
  const settings = findings.filter(({ check }) => check === 'settings').map(({ found }) => found)
  expect(settings).toEqual([
    expect.stringContaining('BODY_LIMIT'),
    expect.stringContaining('SLOW_REQUEST_MS'),
  ])
  expect(named(findings, 'Postgres')).toMatchObject({
    level: 'fail',
    fix: expect.stringContaining('DATABASE_URL'),
  })
  expect(named(findings, 'Redis')).toMatchObject({
    level: 'fail',
    fix: expect.stringContaining('REDIS_URL'),
  })
  expect(named(findings, 'mail')).toMatchObject({ level: 'warn', fix: expect.stringContaining('SMTP_URL') })
  expect(out + err).not.toContain('hunter')
})

test('a file of a setting that cannot be read is told as a fault of the settings', async () => {
  const { code, findings } = await doctor({ DATABASE_URL: '', DATABASE_URL_FILE: '/none/url' })
  expect([code, named(findings, 'settings')?.found]).toEqual([
    1,
    'DATABASE_URL_FILE=/none/url cannot be read: ENOENT',
  ])
  expect(named(findings, 'embedded services')).toBeUndefined()
})

test('a database that Redis has not fails', async () => {
  const { code, findings } = await doctor({ REDIS_URL: new URL('/99999', app.config.redisUrl).href })
  expect([code, named(findings, 'Redis')]).toMatchObject([
    1,
    { level: 'fail', found: expect.stringContaining('DB index is out of range') },
  ])
})

test('settings that can be used, and are not as they should be, are warned of', async () => {
  const { code, findings } = await doctor({ DATABASE_URL: `${app.config.databaseUrl}?sslmode=prefer` })
  expect([code, named(findings, 'settings')]).toMatchObject([
    0,
    { level: 'warn', found: expect.stringContaining('verify-full') },
  ])
})

test('a variable of .env that is nearly a setting is told with the setting, and others are not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-env-'))
  try {
    const lines = ['DATABSE_URL=postgres://ann:secret@localhost/x', 'PORT=1', 'SMTP_URL_FILE=/x', 'MY_OWN=1']
    writeFileSync(join(folder, '.env'), lines.join('\n'))
    const told = ['DATABSE_URL in .env is no setting: did you mean DATABASE_URL?']
    expect(findMisspelt(folder, {})).toEqual(told)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a wrong password is told without it', async () => {
  const url = new URL(app.config.databaseUrl)
  url.username = 'nobody-of-that-name'
  url.password = 'hunter2'
  const { code, out, findings } = await doctor({ DATABASE_URL: url.href })
  expect([code, named(findings, 'Postgres')?.level]).toEqual([1, 'fail'])
  expect(out).not.toContain('hunter2')
})

test('a port is free, ours, or taken by another program', async () => {
  const { port } = new URL(app.url)
  expect(named((await doctor({ PORT: port })).findings, `port ${port}`)).toMatchObject({
    level: 'ok',
    found: expect.stringContaining('this API'),
  })
  const other = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(other, 'listening')
  try {
    const taken = String((other.address() as { port: number }).port)
    const { code, findings } = await doctor({ PORT: taken })
    expect([code, named(findings, `port ${taken}`)]).toMatchObject([
      1,
      { level: 'fail', fix: expect.stringContaining('PORT=') },
    ])
  } finally {
    other.close()
  }
})

test('for a person each finding has a line, and its fix another', async () => {
  const { out, err } = await doctor({ PORT: '80a' }, [])
  expect(out).toMatch(/^ok +Bun +\d/m)
  expect(out).toMatch(/^fail +settings +PORT="80a" must be .*\n +-> Set it /m)
  expect(err).toMatch(/^\d+ of \d+ failed\n$/)
})

test('another Bun than the pinned one is told, an older one fails', () => {
  expect(checkBun().level).toBe('ok')
  expect(checkBun('999.0.0').level).toBe('warn')
  expect(checkBun('1.0.0').level).toBe('fail')
})

test('few open files are told', () => {
  expect([
    checkOpenFiles('1024').level,
    checkOpenFiles('65536').level,
    checkOpenFiles('unlimited').level,
  ]).toEqual(['warn', 'ok', 'ok'])
})

const POSTGRES = {
  role: 'ann',
  database: 'shop',
  version: '18.1',
  version_num: 180001,
  encoding: 'UTF8',
  read_only: false,
  max: 100,
  reserved: 3,
  others: 0,
}

test('an old Postgres, another encoding and a standby are told', () => {
  const levels = (facts: object) => judgePostgres({ ...POSTGRES, ...facts }).map(({ level }) => level)
  expect(levels({})).toEqual(['ok'])
  expect(levels({ version_num: 140009 })).toEqual(['warn'])
  expect(levels({ encoding: 'SQL_ASCII', read_only: true })).toEqual(['ok', 'fail', 'fail'])
})

test('pools that ask for more connections than there are fail, with the sum', () => {
  expect(judgeConnections(POSTGRES, 8, 8).level).toBe('ok')
  const { level, found } = judgeConnections({ ...POSTGRES, others: 70 }, 8, 8)
  expect(level).toBe('fail')
  expect(found).toStartWith(
    '8 processes, and one more during a reload, with 8 connections each: 73, and 5 to spare: 78 of 27 ',
  )
})

test("the app's role is looked at: what it may not do is told, with the statements that mend it", async () => {
  const role = await createRole()
  const own = await startApp()
  try {
    const env = {
      DATABASE_URL: role.urlOf(own.config.databaseUrl),
      MIGRATE_DATABASE_URL: own.config.databaseUrl,
    }
    await withConnection(own.config.databaseUrl, (sql) => sql`create table shelf (id serial)`)
    const { code, findings } = await doctor(env)
    const { level, found = '', fix = '' } = named(findings, 'Postgres rights') ?? {}
    expect([code, level]).toEqual([1, 'fail'])
    expect(found).toContain('SELECT, INSERT, UPDATE, DELETE on public.shelf')
    expect(fix).toContain(`GRANT USAGE ON SEQUENCE public.shelf_id_seq TO "${role.name}";`)
    await withConnection(own.config.databaseUrl, (sql) => sql.unsafe(fix.slice(fix.indexOf('GRANT'))))
    const mended = await doctor(env)
    expect([mended.code, named(mended.findings, 'migrations')?.level]).toEqual([0, 'ok'])
    await withConnection(own.config.databaseUrl, (sql) =>
      sql.unsafe(`revoke delete on shelf from "${role.name}"`),
    )
    expect(named((await doctor(env)).findings, 'Postgres rights')).toMatchObject({
      level: 'warn',
      found: `"${role.name}" lacks DELETE on public.shelf`,
    })
  } finally {
    await own.close()
    await role.drop()
  }
})

test('settings that change values are told where a pooler keeps the app from setting them', () => {
  const right = { ...UNTRACKED_SETTINGS, extra_float_digits: '3' }
  expect(judgeSettings(right, POSTGRES).level).toBe('ok')
  expect(judgeSettings({ ...right, extra_float_digits: '0', search_path: 'old' }, POSTGRES)).toMatchObject({
    level: 'warn',
    found: 'search_path is old, extra_float_digits is 0: a pooler drops what the app asks for',
    fix:
      `ALTER ROLE "ann" IN DATABASE "shop" SET search_path = 'public'; ` +
      `ALTER ROLE "ann" IN DATABASE "shop" SET extra_float_digits = '1';`,
  })
})

test.skipIf(PGBOUNCER === null)(
  'behind a pooler, what the role lacks is told, timeouts too, with the lines to run',
  async () => {
    const own = await startApp()
    const { databaseUrl } = own.config
    const strict = await startPgBouncer()
    try {
      await withConnection(databaseUrl, (sql) =>
        sql.unsafe(`alter database ${new URL(databaseUrl).pathname.slice(1)} set extra_float_digits = 0`),
      )
      const pooled = await doctor({ DATABASE_URL: `${strict.urlOf(databaseUrl)}?prepare=false` })
      const settings = named(pooled.findings, 'Postgres settings')
      expect(settings?.level).toBe('warn')
      for (const set of [
        `extra_float_digits = '1'`,
        `statement_timeout = '20000'`,
        `lock_timeout = '2000'`,
      ]) {
        expect(settings?.fix).toContain(`SET ${set};`)
      }
      const direct = await doctor({ DATABASE_URL: databaseUrl })
      expect(named(direct.findings, 'Postgres settings')?.level).toBe('ok')
    } finally {
      await strict.close()
      await own.close()
    }
  },
)

test('missing migrations are told, and those that would be passed over fail', () => {
  const journal = [
    { tag: '0000_a', when: 1 },
    { tag: '0001_b', when: 2 },
  ]
  expect(judgeMigrations(journal, [1, 2], true).level).toBe('ok')
  expect(judgeMigrations(journal, [1], true)).toMatchObject({ level: 'warn', fix: 'npm run migrate' })
  expect(judgeMigrations(journal, [], false).level).toBe('ok')
  expect(judgeMigrations(journal, [2], true)).toMatchObject({
    level: 'fail',
    found: expect.stringContaining('0000_a'),
  })
})

test('an old Redis, one that evicts and one that keeps nothing are told', () => {
  const levels = (info: string) => judgeRedis(info).map(({ level }) => level)
  expect(levels('redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n')).toEqual(['ok', 'ok'])
  expect(levels('redis_version:6.0.1\r\nmaxmemory_policy:noeviction\r\n')).toEqual(['fail', 'ok'])
  expect(levels('redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n')).toEqual(['ok', 'fail'])
  const persistence = (info: string, save: string | undefined, production = true) =>
    judgePersistence(info, save, production).level
  expect(persistence('aof_enabled:1\r\naof_last_write_status:ok\r\n', '')).toBe('ok')
  expect(persistence('aof_enabled:1\r\naof_last_write_status:err\r\n', '')).toBe('fail')
  expect(persistence('aof_enabled:0\r\n', '3600 1')).toBe('warn')
  expect(persistence('aof_enabled:0\r\n', undefined)).toBe('warn')
  expect(persistence('aof_enabled:0\r\n', '')).toBe('fail')
  expect(persistence('aof_enabled:0\r\n', '', false)).toBe('ok')
})

test('what several servers have in common is told once, and of one alone with its name', () => {
  const ok = { check: 'version', level: 'ok', found: '7.0.15' } as const
  const evicts = { check: 'eviction', level: 'fail', found: 'evicts', fix: 'do not' } as const
  expect(mergeFindings({ a: [ok, evicts], b: [ok], c: [{ ...ok, found: '7.0.14' }] })).toEqual([
    ok,
    { ...evicts, found: 'a: evicts' },
  ])
  expect(mergeFindings({ a: [evicts], b: [evicts] })).toEqual([evicts])
})

test('masters that nobody takes over from, or that nobody could write to after that, are told', () => {
  const judged = (...masters: [replicas: number, needed?: number][]) =>
    judgeReplicas(Object.fromEntries(masters.map(([replicas, needed], i) => [`r${i}`, { replicas, needed }])))
  expect(judged([1, 0])).toMatchObject({ level: 'ok', found: expect.stringContaining('may be lost') })
  expect(judged([2, 1], [2, 1])).toEqual({ check: 'Redis replicas', level: 'ok', found: 'one takes over' })
  expect(judged([2, 1], [0, 1])).toMatchObject({
    level: 'warn',
    found: expect.stringContaining('r1 without'),
  })
  expect(judged([2, 1], [1, 1])).toMatchObject({
    level: 'warn',
    found: expect.stringContaining('after a fail'),
  })
  expect(judged([2], [1])).toMatchObject({ level: 'ok' }) // a hosted one keeps its settings to itself
})

test('a Cluster that is not whole fails, and one that stops with any master is told', () => {
  const info = (state: string) => `cluster_state:${state}\r\ncluster_slots_ok:10923\r\ncluster_size:3\r\n`
  expect(judgeCluster(info('fail'), 'no')).toMatchObject({ level: 'fail' })
  expect(judgeCluster(info('ok'), 'yes')).toMatchObject({ level: 'warn' })
  for (const setting of ['no', undefined])
    expect(judgeCluster(info('ok'), setting)).toMatchObject({
      level: 'ok',
      found: '3 masters serve all slots',
    })
})

test('of several hosts of Postgres each is told: two that take writes, none that stands by, one that lags', () => {
  const primary = { name: 'a', state: 'primary', synchronous: '*' } as const
  const standby = { name: 'b', state: 'standby', behind: 0.2 } as const
  expect(judgeHosts([primary, standby])).toEqual({
    check: 'Postgres hosts',
    level: 'ok',
    found: 'a is the primary; b is a standby, 0.2 s behind',
  })
  expect(judgeHosts([{ ...primary, synchronous: '' }, standby]).found).toContain('may be lost')
  expect(judgeHosts([primary, { ...primary, name: 'b' }])).toMatchObject({ level: 'fail' })
  expect(judgeHosts([primary, { ...standby, behind: 40 }])).toMatchObject({ level: 'warn' })
  expect(judgeHosts([primary, { name: 'b', state: 'away', why: 'ECONNREFUSED' }])).toMatchObject({
    level: 'warn',
    found: expect.stringContaining('b does not answer (ECONNREFUSED)'),
  })
})

test('a host of Postgres that is away is named, and the other one examined', async () => {
  const several = app.config.databaseUrl.replace(/@([^/]+)/, '@127.0.0.1:1,$1')
  const { findings } = await doctor({ DATABASE_URL: several })
  expect(named(findings, 'Postgres hosts')).toMatchObject({
    level: 'warn',
    found: expect.stringMatching(/^127\.0\.0\.1:1 does not answer \(.+\); \S+ is the primary/),
  })
  expect(named(findings, 'Postgres version')).toMatchObject({ level: 'ok' })
})

test.if(hasRedisServer())('a Cluster is examined as one: its servers, its slots, its replicas', async () => {
  await withClusterOfOne(async (url) => {
    const { findings } = await doctor({ REDIS_URL: url })
    expect(named(findings, 'Redis Cluster')).toMatchObject({ level: 'warn' })
    expect(named(findings, 'Redis replicas')).toMatchObject({ level: 'warn' })
    expect(named(findings, 'Redis version')).toMatchObject({ level: 'ok' })
  })
})

test('clocks that are apart are told, with the direction', () => {
  expect(judgeClock('Postgres', 400).level).toBe('ok')
  expect(judgeClock('Postgres', 61_000)).toMatchObject({
    level: 'warn',
    found: '61.0 s ahead of this machine',
  })
  expect(judgeClock('Postgres', -61_000).found).toBe('61.0 s behind this machine')
})

test('a route that keeps all others from the quick router is named', () => {
  const routes = [
    { method: 'GET', path: '/books/:id' },
    { method: 'GET', path: '/books/:id/pages' },
  ]
  expect(judgeRoutes(routes).level).toBe('ok')
  expect(judgeRoutes([...routes, { method: 'GET', path: '/books/latest' }])).toMatchObject({
    level: 'warn',
    found: expect.stringContaining('GET /books/latest'),
  })
})

test('a path that has two names for one parameter is told: OpenAPI forbids it', () => {
  const routes = [
    { method: 'GET', path: '/books/:id' },
    { method: 'DELETE', path: '/books/:id' },
    { method: 'GET', path: '/books/:isbn/pages' },
  ]
  expect(judgeRoutes(routes).level).toBe('ok')
  expect(judgeRoutes([...routes, { method: 'PUT', path: '/books/:isbn' }])).toMatchObject({
    level: 'warn',
    found: expect.stringContaining('/books/:id and /books/:isbn'),
  })
})

test('a task whose queue no live worker serves is told, and a queue that no task has', () => {
  const tasks = [
    { name: 'export', queue: 'default' },
    { name: 'welcome', queue: 'mail' },
  ]
  const worker = { id: 'w', alive: true, jobs: 0 }
  const by = (...served: string[]) =>
    Object.fromEntries(
      ['default', 'mail'].map((name) => [name, { workers: served.includes(name) ? [worker] : [] }]),
    )
  expect(judgeQueues(tasks, undefined, by('default', 'mail')).level).toBe('ok')
  expect(judgeQueues(tasks, undefined, by()).level).toBe('ok')
  expect(judgeQueues(tasks, undefined, by('default'))).toMatchObject({
    level: 'warn',
    found: 'no live worker serves mail (welcome): these tasks wait',
  })
  expect(judgeQueues(tasks, [{ name: 'mial' }], by('default', 'mail')).found).toContain('names mial')
})

test('what is near its bound in Postgres is told: connections, transaction ids, sequences, the outbox', () => {
  const far = { connections: 10, max: 97, xidAge: 150_000_000, outbox: 3, sequences: [] }
  expect(judgePostgresUse(far).map(({ level }) => level)).toEqual(['ok'])
  const sequences = [{ name: 'public.books_id_seq', used: '2000000000', most: '2147483647' }]
  const near = judgePostgresUse({ connections: 90, max: 97, xidAge: 1_900_000_000, outbox: 5000, sequences })
  expect(near.map(({ check, level }) => [check, level])).toEqual([
    ['connections in use', 'warn'],
    ['transaction ids', 'fail'],
    ['sequence', 'warn'],
    ['outbox', 'warn'],
  ])
  expect(near.every(({ fix }) => fix !== undefined)).toBe(true)
})

test('a sequence that nears its end is found in a database, with the most that its column takes', async () => {
  const own = await startApp()
  try {
    await withConnection(own.config.databaseUrl, async (sql) => {
      await sql`create table shelf (id serial)`
      await sql`select setval('shelf_id_seq', 2000000000)`
    })
    expect(
      named((await doctor({ DATABASE_URL: own.config.databaseUrl })).findings, 'sequence'),
    ).toMatchObject({
      level: 'warn',
      found: 'public.shelf_id_seq is at 2000000000 of 2147483647',
    })
  } finally {
    await own.close()
  }
})

test('what is near its bound in Redis is told: memory, a queue that lags, dead jobs that are about to be thrown away', () => {
  const far = { used: 10, max: 0, keepDead: 100, queues: { default: { lagMs: 0, dead: 3 } } }
  expect(judgeRedisUse(far).map(({ level }) => level)).toEqual(['ok'])
  const near = {
    used: 90_000_000,
    max: 100_000_000,
    keepDead: 100,
    queues: { mail: { lagMs: 600_000, dead: 81 } },
  }
  expect(judgeRedisUse(near).map(({ check, found }) => `${check}: ${found}`)).toEqual([
    'Redis memory: 86 of 95 (91 %) MB of maxmemory',
    'queue lag: the first job of mail has waited 600 s',
    'dead jobs: 81 of 100 (81 %) that are kept of mail (JOB_KEEP_DEAD): the oldest are thrown away',
  ])
})

test('a process that is near a bound is named with it: open files, its event loop, a gate where more wait than it lets in', () => {
  expect(judgeProcessUse([])).toEqual([])
  const gate = { gate: 'pool', places: 8, inUse: 8, waiting: 3, refused: 0 }
  const calm = { name: 'server 1', lagMs: 3, openFiles: { used: 50, max: 1024 }, gates: [gate] }
  expect(judgeProcessUse([calm]).map(({ level }) => level)).toEqual(['ok'])
  const busy = {
    name: 'server 2',
    lagMs: 900,
    openFiles: { used: 1000, max: 1024 },
    gates: [{ ...gate, waiting: 40 }],
  }
  expect(judgeProcessUse([calm, busy]).map(({ found }) => found)).toEqual([
    'server 2 stood still for 900 ms within a second',
    'server 2 has 1000 of 1024 (98 %)',
    '40 wait for the 8 places of pool in server 2',
  ])
})

test('replicas are told one by one: one that lags, and one that does not answer', async () => {
  const pair = await startReplica()
  try {
    const away = `127.0.0.1:${await freePort()}`
    const { DATABASE_REPLICA_URL: url } = pair.env
    const { host } = new URL(url)
    const env = {
      ...pair.env,
      DATABASE_REPLICA_URL: url.replace(host, `${host},${away}`),
      STALE_MAX_LAG_MS: '2000',
    }
    const found = async () => {
      const { findings } = await doctor(env)
      return [named(findings, `replica ${host}`), named(findings, `replica ${away}`)]
    }
    expect(await found()).toMatchObject([{ level: 'ok' }, { level: 'warn' }])
    await pair.stall()
    expect(await found()).toMatchObject([
      { level: 'warn', found: expect.stringContaining('STALE_MAX_LAG_MS') },
      { level: 'warn', found: expect.stringContaining('ECONNREFUSED') },
    ])
  } finally {
    await pair.close()
  }
})
