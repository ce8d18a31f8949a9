// What passes by itself is 503 with Retry-After and never a failure of a request or a job; all else is what it was.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { Redis } from 'ioredis'
import { driverCode, isDemotion, isTransient, retryConflict } from '../../../src/kit/data/transient.ts'
import { hasRedisServer, type RealRedis, startRedis } from '../jobs/real-redis.ts'
import { openLink } from '../support/faulty-link.ts'
import { NEW_MEMBER, startApp, type TestApp } from '../support/harness.ts'
import { createDatabase } from '../support/services.ts'
import { until } from '../support/until.ts'

const reply = (message: string, more: object = {}) =>
  Object.assign(new Error(message), { name: 'ReplyError' }, more)
const coded = (code: string, more: object = {}) => Object.assign(new Error('no'), { code, ...more })

describe('transient is', () => {
  test.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    "OOM command not allowed when used memory > 'maxmemory'. script: a7f3, on @user_script:1.",
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    "READONLY You can't write against a read only replica.",
    // Redis 6.2
    "ERR Error running script (call to f_a7f3): @user_script:9: @user_script: 9: -READONLY You can't write against a read only replica. ",
    "ERR Error running script (call to f_a7f3): @user_script:9: @user_script: 9: -OOM command not allowed when used memory > 'maxmemory'. ",
    'LOADING Redis is loading the dataset in memory',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'NOREPLICAS Not enough good replicas to write.',
    'MISCONF Errors writing to the AOF file: No space left on device',
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'EXECABORT Transaction discarded because of previous errors.',
    'EXECABORT Transaction discarded because of: OOM command not allowed',
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'ERR max number of clients reached',
  ])('a reply of Redis: %s', (message) => expect(isTransient(reply(message))).toBe(true))

  test.each([
    'Connection is closed.',
    'Command timed out',
    'Command aborted due to connection close',
    "Stream isn't writeable and enableOfflineQueue options is false",
  ])('a word of ioredis: %s', (message) => expect(isTransient(new Error(message))).toBe(true))

  test.each(
    '08000 08006 08P01 25006 25P03 25P04 28000 28P01 3D000 40001 40P01 53000 53100 53200 53300 53400 55006 55P03 57014 57P01 57P02 57P03 57P04 57P05 CONNECT_TIMEOUT CONNECTION_CLOSED ECONNREFUSED ENETUNREACH EAI_AGAIN EMFILE BUSY'.split(
      ' ',
    ),
  )('the code %s, below a wrapper too', (code) => {
    expect(isTransient(coded(code))).toBe(true)
    expect(isTransient(new Error('Failed query', { cause: coded(code) }))).toBe(true)
  })

  test('a connection that Postgres refuses or ends, whatever the reason', () => {
    expect(isTransient(coded('55000', { severity: 'FATAL' }))).toBe(true)
    expect(isTransient(coded('55000', { severity: 'ERROR' }))).toBe(false)
  })

  test('a socket file that is not there', () => {
    expect(isTransient(coded('ENOENT', { syscall: 'connect' }))).toBe(true)
    expect(isTransient(coded('ENOENT', { syscall: 'open' }))).toBe(false)
  })
})

describe('not transient is', () => {
  test.each([
    reply('WRONGTYPE Operation against a key holding the wrong kind of value'),
    reply("NOPERM this user has no permissions to run the 'set' command"),
    reply('BUSYGROUP Consumer Group name already exists'),
    reply('BUSYKEY Target key name already exists.'),
    reply('NOSCRIPT No matching script.'),
    reply("ERR unknown command 'OOM'"),
    reply(
      'ERR Error running script (call to f_a7f3): @user_script:9: Script attempted to access a missing key',
    ),
    reply('EXECABORT Transaction discarded because of previous errors.', {
      previousErrors: [reply("ERR unknown command 'nosuch'"), reply('OOM command not allowed')],
    }),
    ...['22001', '23505', '25P02', '42501', '42P01', '0A000', 'XX000', 'ENOENT', 'ERR_INVALID_ARG_TYPE'].map(
      (code) => coded(code),
    ),
    new Error('OOM'),
    new Error('the connection is closed'),
    'ECONNREFUSED',
    undefined,
  ])('%p', (error) => expect(isTransient(error)).toBe(false))
})

test('a transaction is dropped for the reason that its commands were refused', () => {
  const previousErrors = [reply("READONLY You can't write against a read only replica.")]
  const error = reply('EXECABORT Transaction discarded because of previous errors.', { previousErrors })
  expect(driverCode(error)).toBe('READONLY')
  expect(isDemotion(error)).toBe(true)
})

test('a transaction of ours is run once more after a deadlock, and not a third time', async () => {
  for (const code of ['40P01', '40001']) {
    let runs = 0
    const failing = (times: number) => async () => {
      if (++runs <= times) throw new Error('Failed query', { cause: coded(code) })
      return 'done'
    }
    expect(await retryConflict(failing(1))).toBe('done')
    expect(runs).toBe(2)
    runs = 0
    expect(retryConflict(failing(9))).rejects.toThrow('Failed query')
    expect(runs).toBe(2)
  }
  let runs = 0
  const taken = async () => {
    runs++
    throw coded('23505')
  }
  expect(retryConflict(taken)).rejects.toThrow()
  expect(runs).toBe(1)
})

describe('Postgres', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await startApp()
  })
  afterAll(() => app.close())

  test('that ends one of two deadlocked signups lets both succeed', async () => {
    // Each holds the lock that the other wants; the second to ask is the one that Postgres ends.
    const { db } = app.deps
    const lock = (n: number) => sql`select pg_advisory_xact_lock(4711, ${n})`
    const bothHold = Promise.withResolvers<void>()
    let holding = 0
    let runs = 0
    const transact = (first: number, second: number) =>
      retryConflict(() =>
        db.transaction(async (tx) => {
          runs++
          await tx.execute(lock(first))
          if (++holding === 2) bothHold.resolve()
          await bothHold.promise
          await tx.execute(lock(second))
        }),
      )
    await Promise.all([transact(1, 2), transact(2, 1)])
    expect(runs).toBe(3)
  })

  test('that is read-only answers reads, and writes with 503', async () => {
    const database = await createDatabase('kit')
    const link = await openLink(database.url)
    const linked = await startApp({ DATABASE_URL: link.url })
    // Connections that are open keep what they began with: a failover, too, cuts them.
    const setReadOnly = async (value: 'on' | 'off') => {
      const name = new URL(database.url).pathname.slice(1)
      await app.deps.db.execute(
        sql.raw(`alter database "${name}" set default_transaction_read_only = ${value}`),
      )
      await link.cut()
      await link.restore()
    }
    const signUp = (email: string) => linked.visitor().post('/club/join', { ...NEW_MEMBER, email })
    try {
      const editor = await linked.member()
      await setReadOnly('on')
      const ready = await until('not ready', async () => {
        const { status, body } = await linked.visitor().get('/ready')
        return status === 503 && body.err.includes('read-only') && body.err
      })
      expect(ready).toBe('503: Not ready: Postgres is read-only')
      const signup = await signUp('read@example.com')
      expect([signup.status, signup.headers.get('retry-after')]).toEqual([503, '2'])
      expect((await editor.get('/club/self')).status).toBe(200)
      await setReadOnly('off')
      await until('ready', async () => (await linked.visitor().get('/ready')).status === 200)
      expect((await signUp('read@example.com')).status).toBe(201)
    } finally {
      await linked.close()
      await link.close()
      await database.drop()
    }
  })
})

describe.skipIf(!hasRedisServer())('a Redis that is full', () => {
  let redis: RealRedis
  let admin: Redis
  let app: TestApp
  beforeAll(async () => {
    redis = await startRedis()
    admin = new Redis(redis.url)
    app = await startApp({ REDIS_URL: redis.url, RATE_LIMIT: 'on' })
  })
  afterAll(async () => {
    await app.close()
    admin.disconnect()
    await redis.remove()
  })

  test('is 503 and not 500 wherever something is written, keeps sessions, and is served when there is room', async () => {
    const member = await app.member()
    await admin.config('SET', 'maxmemory', '1')
    const login = await app.visitor().post('/club/enter', member.account)
    expect([login.status, login.headers.get('retry-after')]).toEqual([503, '2'])
    expect((await app.visitor().get('/apitest/counter')).status).toBe(503)
    expect((await member.post('/api/probe/kept', { title: 'x' })).status).toBe(503)
    expect((await member.get('/club/self')).status).toBe(200)
    const ready = await app.visitor().get('/ready')
    expect([ready.status, ready.body.err]).toEqual([503, '503: Not ready: Redis takes no writes (OOM)'])
    await admin.config('SET', 'maxmemory', '0')
    expect((await app.visitor().get('/ready')).status).toBe(200)
    expect((await app.visitor().post('/club/enter', member.account)).status).toBe(200)
  })
})
