// Ready means that requests would be served: what is in the way is named in the answer, and in the log once.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import postgres from 'postgres'
import { entries as migrations } from '../product/drizzle/meta/_journal.json'
import type { Log } from '../../../src/kit/types/log.ts'
import { createReadiness } from '../../../src/kit/data/readiness.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import {
  createDatabase,
  createEmptyDatabase,
  redisUrl,
  type TestDatabase,
  uniquePrefix,
} from '../support/services.ts'

let database: TestDatabase
/** Owns the tables. */
let owner: postgres.Sql
let logged: string[]
const write = (message: string) => void logged.push(message)
const log: Log = { debug: write, info: write, warn: write, error: write }
const prefix = uniquePrefix()
const redis = connectRedis(redisUrl(), { log })

beforeAll(async () => {
  database = await createDatabase('kit')
  owner = postgres(database.url, { max: 2, onnotice: () => {} })
})
beforeEach(() => {
  logged = []
})
afterAll(async () => {
  await redis.unlink(`${prefix}ready`)
  await closeRedis(redis)
  await owner.end()
  await database.drop()
})

const why = (sql: postgres.Sql) => {
  const ready = createReadiness({
    connection: { sql, renew() {} },
    redis,
    prefix,
    migrations,
    migrator: undefined,
    log,
  })
  return () =>
    ready().then(
      () => 'ready',
      (error: Error) => error.message,
    )
}

test('a migration that is not applied is named, and one that the code does not know is none of its business', async () => {
  const ask = why(owner)
  expect(await ask()).toBe('ready')
  const [newest] = await owner<{ created_at: string }[]>`
    delete from drizzle.__drizzle_migrations
    where created_at = (select max(created_at) from drizzle.__drizzle_migrations) returning created_at::text`
  const missing = await ask()
  expect(missing).toMatch(/^Not ready: the migration \d{4}_\w+ is not applied \(npm run migrate\)$/)
  const later = String(Number(newest?.created_at) + 60_000)
  await owner`
    insert into drizzle.__drizzle_migrations (hash, created_at) values ('x', ${newest?.created_at ?? ''}), ('y', ${later})`
  expect(await ask()).toBe('ready')
  await owner`delete from drizzle.__drizzle_migrations where created_at = ${later}`
  expect(logged).toEqual([missing.replace('Not', 'not'), 'ready again'])
})

test('a database without a table is not ready', async () => {
  const empty = await createEmptyDatabase()
  const sql = postgres(empty.url, { max: 1 })
  try {
    expect(await why(sql)()).toMatch(/the migration 0000_\w+( and \d+ more)? is not applied/)
  } finally {
    await sql.end()
    await empty.drop()
  }
})

test('a role without rights on what another has migrated is told which, until they are granted', async () => {
  const role = prefix.replaceAll(':', '_').replace(/_$/, '')
  await owner.unsafe(`create role ${role} login password 'x'`)
  const url = Object.assign(new URL(database.url), { username: role, password: 'x' })
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  const ask = why(sql)
  try {
    expect(await ask()).toMatch(/^Not ready: no rights on public\.\w+, public\.\w+.* \(GRANT: /)
    await owner.unsafe(`grant select on all tables in schema public to ${role}`)
    expect(await ask()).toMatch(/^Not ready: no rights on .*_id_seq/)
    await owner.unsafe(`grant usage on all sequences in schema public to ${role}`)
    expect(await ask()).toMatch(/^Not ready: no rights on (?!.*_seq)public\.\w+(, public\.\w+)+ \(GRANT: /)
    await owner.unsafe(`grant insert on all tables in schema public to ${role}`)
    expect(await ask()).toBe('ready')
    await owner.unsafe(`revoke usage on schema public from public`)
    expect(await ask()).toMatch(/^Not ready: no rights on public \(GRANT: /)
    expect(logged).toHaveLength(4)
  } finally {
    await sql.end()
    await owner.unsafe(`grant usage on schema public to public; drop owned by ${role}; drop role ${role}`)
  }
})

test('a database that is only busy is ready: locked tables hold up no question', async () => {
  const locked = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const holding = owner.begin(async (tx) => {
    await tx`lock table members, outbox in access exclusive mode`
    locked.resolve()
    await asked.promise
  })
  await locked.promise
  try {
    expect(await why(owner)()).toBe('ready')
  } finally {
    asked.resolve()
    await holding
  }
})

test('what many ask at once is asked once', async () => {
  let questions = 0
  const counting = new Proxy(owner, {
    apply(target, self, args) {
      questions++
      return Reflect.apply(target, self, args)
    },
  })
  const ask = why(counting)
  const one = await ask().then(() => questions)
  expect(await Promise.all(Array.from({ length: 100 }, ask))).toEqual(Array(100).fill('ready'))
  expect(questions).toBe(2 * one)
})
