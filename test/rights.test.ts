// Rights: what a role lacks on what the migrations made is named, and the statements that give it are right.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import postgres from 'postgres'
import { findMissingRights, grantOf } from '../src/infra/rights.ts'
import { createRole, type TestRole } from './support/roles.ts'
import { createDatabase, type TestDatabase } from './support/services.ts'

let database: TestDatabase
let app: TestRole
let owner: postgres.Sql
let asApp: postgres.Sql

beforeAll(async () => {
  database = await createDatabase()
  app = await createRole()
  owner = postgres(database.url, { max: 1, onnotice: () => {} })
  asApp = postgres(app.urlOf(database.url), { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await Promise.all([owner.end(), asApp.end()])
  await database.drop()
  await app.drop()
})

test('an owner lacks nothing', async () => {
  expect(await findMissingRights(owner)).toEqual([])
})

test('a role without a grant lacks all, and the statements that are named give it', async () => {
  const missing = await findMissingRights(asApp)
  expect(missing).toContainEqual({
    kind: 'table',
    object: 'public.movies',
    rights: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
    unusable: true,
  })
  expect(missing).toContainEqual({
    kind: 'sequence',
    object: 'public.movies_id_seq',
    rights: ['USAGE'],
    unusable: true,
  })
  expect(missing).toContainEqual({ kind: 'schema', object: 'drizzle', rights: ['USAGE'], unusable: true })
  expect(missing.filter(({ object }) => object.startsWith('drizzle.'))).toEqual([
    { kind: 'table', object: 'drizzle.__drizzle_migrations', rights: ['SELECT'], unusable: true },
  ])
  expect(await findMissingRights(owner, app.name)).toEqual(missing)

  for (const one of missing) await owner.unsafe(grantOf(one, app.name))
  expect(await findMissingRights(asApp)).toEqual([])
  await asApp`insert into movies (title) values ('Solaris')`
  expect([...(await asApp`select title from movies`)]).toEqual([{ title: 'Solaris' }])
})

test('what is withheld in part is told apart from what was forgotten', async () => {
  await owner.unsafe(`revoke update, delete on movies from "${app.name}"`)
  expect(await findMissingRights(asApp)).toEqual([
    { kind: 'table', object: 'public.movies', rights: ['UPDATE', 'DELETE'], unusable: false },
  ])
})

test('tables of another owner, in the same schema, are none of its business', async () => {
  const other = await createRole()
  try {
    await owner.unsafe(`create table elsewhere (id int); alter table elsewhere owner to "${other.name}"`)
    expect((await findMissingRights(asApp)).map(({ object }) => object)).not.toContain('public.elsewhere')
  } finally {
    await owner`drop table elsewhere`
    await other.drop()
  }
})
