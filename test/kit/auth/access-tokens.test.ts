// The store of personal access tokens: what a token looks like, when it counts, and what changes beside a request that reads it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { accessTokensTable, createAccessTokens } from '../../../src/kit/auth/access-tokens.ts'
import type { Store } from '../../../src/kit/types/store.ts'
import { findMember, setRank } from '../product/queries.ts'
import { members } from '../product/table.ts'
import { startApp, type TestApp } from '../support/harness.ts'
import { codeOf } from '../support/lanes.ts'

const PER_ACCOUNT = 5

const table = accessTokensTable(members)
const {
  create,
  delete: end,
  deleteAllOf,
  isToken,
  list,
  open,
  refreshAllOf,
} = createAccessTokens(table, {
  users: members,
  prefix: 'note',
  perAccount: PER_ACCOUNT,
  roleOf: async ({ db }, id) => (await findMember(db, id))?.role,
})

let app: TestApp
let userId: string
beforeAll(async () => {
  app = await startApp()
  await app.deps.db.execute(sql`
    create table access_tokens (
      id uuid primary key default gen_random_uuid(), user_id uuid not null references members on delete cascade,
      name text not null, abilities text[] not null, digest text not null unique,
      created timestamptz not null default now(), expires timestamptz, last_used timestamptz)`)
})
afterAll(() => app.close())
beforeEach(async () => {
  userId = (await app.member()).user.id
})

const make = (days: number | null = 90) =>
  app.deps.db.transaction((tx) => create(tx, { userId, name: 'backup', abilities: ['read'], days }))

const recordOf = (token: string) => `access-token:${createHash('sha256').update(token).digest('hex')}`
/** As if a minute had passed. */
const loseRecord = (token: string) => app.deps.store.delete(recordOf(token))

/** The store, which does something more with each `add`. */
const storeWith = (
  add: (store: Store, ...args: Parameters<Store['add']>) => ReturnType<Store['add']>,
): Store => ({
  ...app.deps.store,
  add: (...args) => add(app.deps.store, ...args),
})

test('a token has a prefix and a checksum, as scanners for secrets want it, and no two are the same', async () => {
  const [one, other] = [await make(), await make()]
  for (const { token } of [one, other]) {
    expect(token).toMatch(/^note_[0-9a-f]{48}$/)
    expect(createHash('sha256').update(token.slice(0, -8)).digest('hex')).toStartWith(token.slice(-8))
    expect(isToken(token)).toBe(true)
  }
  expect(one.token).not.toBe(other.token)
  expect(isToken('x'.repeat(43))).toBe(false) // that of a session
})

test('what never was a token asks Postgres nothing, and what does not look like one not even Redis', async () => {
  const { token } = await make()
  const nobody = new Proxy({}, { get: () => expect.unreachable() }) as never
  const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`
  expect(await open({ ...app.deps, db: nobody }, wrong)).toBeUndefined()
  const deps = { config: app.config, db: nobody, digest: nobody, store: nobody }
  const others = [`${token}0`, token.slice(1), token.toUpperCase(), '']
  for (const text of others) expect(await open(deps, text)).toBeUndefined()
})

test('it opens for its account with what it may do, and has no secret in its list', async () => {
  const { token, id, ...made } = await make(null)
  expect(await open(app.deps, token)).toEqual({
    id,
    userId,
    role: 'writer',
    abilities: ['read'],
    expires: null,
  })
  expect(await open(app.deps, token)).toEqual({
    id,
    userId,
    role: 'writer',
    abilities: ['read'],
    expires: null,
  })
  expect(await list(app.deps.db, userId)).toEqual([{ ...made, id, last_used: expect.any(Date) }])
})

test('an account has so many at most, whoever asks at once', async () => {
  const asked = await Promise.allSettled(Array.from({ length: PER_ACCOUNT + 3 }, () => make()))
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(PER_ACCOUNT)
  for (const each of asked)
    if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'too_many_tokens' })
})

test('an expired one takes no place, and leaves the list when another is made a month later', async () => {
  const expired = (days: number) =>
    app.deps.db.execute(
      sql`update access_tokens set expires = now() - make_interval(days => ${days}) where user_id = ${userId}`,
    )
  for (let i = 0; i < PER_ACCOUNT; i++) await make()
  await expired(1)
  await make()
  expect(await list(app.deps.db, userId)).toHaveLength(PER_ACCOUNT + 1)
  await expired(31)
  const { id } = await make()
  expect((await list(app.deps.db, userId)).map((token) => token.id)).toEqual([id])
})

test('the last use is written at most once a minute', async () => {
  const { token, id } = await make()
  const lastUsed = async () => {
    expect(await open(app.deps, token)).toBeDefined()
    await loseRecord(token)
    return (await list(app.deps.db, userId))[0]?.last_used?.getTime() ?? 0
  }
  const first = await lastUsed()
  expect(await lastUsed()).toBe(first)
  await app.deps.db.execute(
    sql`update access_tokens set last_used = now() - interval '2 minutes' where id = ${id}`,
  )
  expect(await lastUsed()).toBeGreaterThan(first - 1)
})

test('it expires, also while Redis knows it', async () => {
  const { token, id } = await make()
  const expireIn = (seconds: number) =>
    app.deps.db.execute(
      sql`update access_tokens set expires = now() + make_interval(secs => ${seconds}) where id = ${id}`,
    )
  await expireIn(600)
  expect(await open(app.deps, token)).toBeDefined()
  const kept = await app.deps.store.get<{ expires: number }>(recordOf(token))
  expect(kept?.expires).toBeGreaterThan(Date.now())
  // As if that time had passed.
  await app.deps.store.set(recordOf(token), { ...kept, expires: Date.now() - 1 }, 600)
  expect(await open(app.deps, token)).toBeUndefined()
  await expireIn(-1)
  await loseRecord(token)
  expect(await open(app.deps, token)).toBeUndefined()
})

test('one that is ended while a request reads it is not kept, and opens nothing for that request', async () => {
  const { token, id } = await make()
  const [ended, kept] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const ending = app.deps.db.transaction(async (tx) => {
    expect(await end(app.deps, tx, userId, id)).toBe(true)
    ended.resolve()
    await kept.promise
  })
  await ended.promise
  // Its row is there as long as that is not committed.
  const store = storeWith(async (real, ...args) => {
    const isKept = await real.add(...args)
    kept.resolve()
    return isKept
  })
  expect(await open({ ...app.deps, store }, token)).toBeUndefined()
  await ending
  expect(await app.deps.store.get(recordOf(token))).toBeNull()
})

/** A request that has read the token, and is held before it keeps what it has read; what follows that it never does: it is stopped, or dies. */
async function reader(token: string) {
  const [hasRead, mayKeep, hasKept] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ]
  const never = new Promise<never>(() => {})
  const hold = async (keep: () => Promise<unknown>) => {
    hasRead.resolve()
    await mayKeep.promise
    await keep()
    hasKept.resolve()
    return never
  }
  const { store } = app.deps
  const held = {
    ...store,
    set: (...args: Parameters<Store['set']>) => hold(() => store.set(...args)),
    add: (...args: Parameters<Store['add']>) => hold(() => store.add(...args)),
  }
  void open({ ...app.deps, store: held }, token)
  await hasRead.promise
  return async () => {
    mayKeep.resolve()
    await hasKept.promise
  }
}

test('one that is ended opens nothing from then on, whatever becomes of a request that has read it before', async () => {
  const { token, id } = await make()
  const keepLate = await reader(token)
  expect(await app.deps.db.transaction((tx) => end(app.deps, tx, userId, id))).toBe(true)
  expect(await open(app.deps, token)).toBeUndefined()
  await keepLate()
  expect(await open(app.deps, token)).toBeUndefined()
})

test('a role that has changed counts from then on, whatever becomes of a request that has read the one of before', async () => {
  const { token } = await make()
  const keepLate = await reader(token)
  await setRank(app.deps.db, userId, 'reader')
  await refreshAllOf(app.deps, userId)
  await keepLate()
  expect(await open(app.deps, token)).toMatchObject({ role: 'reader' })
})

test('one that is ended so slowly that a request gives up waiting is not kept', async () => {
  const { token, id } = await make()
  const [ended, gaveUp] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const ending = app.deps.db.transaction(async (tx) => {
    await end(app.deps, tx, userId, id)
    ended.resolve()
    await gaveUp.promise
  })
  await ended.promise
  const impatient = app.deps.db.transaction(async (db) => {
    await db.execute(sql`set local lock_timeout = '50ms'`)
    await open({ ...app.deps, db }, token)
  })
  expect(await codeOf(impatient)).toBe('55P03')
  gaveUp.resolve()
  await ending
  expect(await open(app.deps, token)).toBeUndefined()
})

test('a role that changes while a request reads the one of before is not kept', async () => {
  const { token } = await make()
  const store = storeWith(async (real, ...args) => {
    await setRank(app.deps.db, userId, 'reader')
    await refreshAllOf(app.deps, userId)
    return real.add(...args)
  })
  expect(await open({ ...app.deps, store }, token)).toMatchObject({ role: 'reader' })
  expect(await open(app.deps, token)).toMatchObject({ role: 'reader' })
})

test('what a reader keeps that was stopped for longer than a change is remembered, it takes back', async () => {
  const { token } = await make()
  const store = storeWith(async (real, ...args) => {
    await setRank(app.deps.db, userId, 'reader')
    await refreshAllOf(app.deps, userId)
    await loseRecord(token)
    return real.add(...args)
  })
  expect(await open({ ...app.deps, store }, token)).toMatchObject({ role: 'reader' })
  expect(await open(app.deps, token)).toMatchObject({ role: 'reader' })
})

test('a change of role counts on the next request, and the end of all of them too', async () => {
  const tokens = [await make(), await make()].map(({ token }) => token)
  const roles = async () =>
    (await Promise.all(tokens.map((token) => open(app.deps, token)))).map((known) => known?.role)
  expect(await roles()).toEqual(['writer', 'writer'])
  await setRank(app.deps.db, userId, 'reader')
  await refreshAllOf(app.deps, userId)
  expect(await roles()).toEqual(['reader', 'reader'])
  await app.deps.db.transaction((tx) => deleteAllOf(app.deps, tx, userId))
  expect(await roles()).toEqual([undefined, undefined])
})

test('while Redis is away none is ended, rather than left to live in Redis', async () => {
  const { token, id } = await make()
  const away = { ...app.deps.store, set: () => Promise.reject(new Error('away')) }
  await expect(app.deps.db.transaction((tx) => end({ store: away }, tx, userId, id))).rejects.toThrow('away')
  expect(await open(app.deps, token)).toBeDefined()
})
