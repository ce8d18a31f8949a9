// Rights: the app's role has them where another role migrates; what it lacks is named, with the statements that give it.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import postgres from 'postgres'
import { migrate } from '../../../scripts/migrate.ts'
import { PATIENCE } from '../../../scripts/migrate/patience.ts'
import { findMissingRights, grantOf, roleOf } from '../../../src/kit/data/postgres/rights.ts'
import { startApp } from '../../support/harness.ts'
import { makeMigrations } from '../support/migrations.ts'
import { createRole, type TestRole } from '../support/roles.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../support/services.ts'

let database: TestDatabase
let app: TestRole
let owner: postgres.Sql
let asApp: postgres.Sql

beforeAll(async () => {
  database = await createDatabase()
  owner = postgres(database.url, { max: 1, onnotice: () => {} })
  await owner`create table shelf (id serial, title text)`
})
afterAll(async () => {
  await owner.end()
  await database.drop()
})
beforeEach(async () => {
  app = await createRole()
  asApp = postgres(app.urlOf(database.url), { max: 1, onnotice: () => {} })
})
afterEach(async () => {
  await asApp.end()
  await owner.unsafe(`drop owned by "${app.name}"`)
  await app.drop()
})
/** The app's role has all that it needs. */
async function grantAll() {
  for (const one of await findMissingRights(asApp)) await owner.unsafe(grantOf(one, app.name))
}

test('an owner lacks nothing', async () => {
  expect(await findMissingRights(owner)).toEqual([])
})

test('a role without a grant lacks all, and the statements that are named give it', async () => {
  const missing = await findMissingRights(asApp)
  expect(missing).toContainEqual({
    kind: 'table',
    object: 'public.shelf',
    rights: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
    unusable: true,
  })
  expect(missing).toContainEqual({
    kind: 'sequence',
    object: 'public.shelf_id_seq',
    rights: ['USAGE'],
    unusable: true,
  })
  expect(missing).toContainEqual({ kind: 'schema', object: 'drizzle', rights: ['USAGE'], unusable: true })
  expect(missing.filter(({ object }) => object.startsWith('drizzle.'))).toEqual([
    { kind: 'table', object: 'drizzle.__drizzle_migrations', rights: ['SELECT'], unusable: true },
  ])
  expect(await findMissingRights(owner, { role: app.name })).toEqual(missing)

  for (const one of missing) await owner.unsafe(grantOf(one, app.name))
  expect(await findMissingRights(asApp)).toEqual([])
  await asApp`insert into shelf (title) values ('Solaris')`
  expect([...(await asApp`select title from shelf`)]).toEqual([{ title: 'Solaris' }])
})

test('what is withheld in part is told apart from what was forgotten', async () => {
  await grantAll()
  await owner.unsafe(`revoke update, delete on shelf from "${app.name}"`)
  expect(await findMissingRights(asApp)).toEqual([
    { kind: 'table', object: 'public.shelf', rights: ['UPDATE', 'DELETE'], unusable: false },
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

/** A database of a role that migrates, and another role for the app. */
async function withTwoRoles(
  work: (two: { migrateUrl: string; appUrl: string; appRole: string; query: postgres.Sql }) => Promise<void>,
): Promise<void> {
  const own = await createEmptyDatabase()
  const [migrator, user] = [await createRole(), await createRole()]
  const query = postgres(own.url, { max: 1, onnotice: () => {} })
  try {
    await query.unsafe(`alter database ${new URL(own.url).pathname.slice(1)} owner to "${migrator.name}"`)
    await work({
      migrateUrl: migrator.urlOf(own.url),
      appUrl: user.urlOf(own.url),
      appRole: user.name,
      query,
    })
  } finally {
    await query.end({ timeout: 1 })
    await own.drop()
    await migrator.drop()
    await user.drop()
  }
}

test('where another role migrates, the app works with its own', () =>
  withTwoRoles(async ({ migrateUrl, appUrl }) => {
    await migrate(migrateUrl, { appUrl })
    const service = await startApp({ DATABASE_URL: appUrl })
    try {
      const member = await service.member('superuser')
      expect((await member.get('/api/users')).body).toHaveLength(1)
      expect((await member.get('/ready')).status).toBe(200)
    } finally {
      await service.close()
    }
  }))

test('a table is its to use from the moment it is there, and what was withheld stays so', () =>
  withTwoRoles(async ({ migrateUrl, appUrl, appRole, query }) => {
    const folder = makeMigrations({ '0000_trail': 'create table trail (id serial)' })
    try {
      await migrate(migrateUrl, { appUrl, folder: folder.path })
      await query.unsafe(`revoke update, delete on trail from "${appRole}"`)
      folder.add('0001_book', 'create table book (id serial)')
      folder.add('0002_broken', 'create nothing')
      await expect(migrate(migrateUrl, { appUrl, folder: folder.path })).rejects.toThrow('0002_broken')
      expect(await findMissingRights(query, { role: appRole })).toEqual([
        { kind: 'table', object: 'public.trail', rights: ['UPDATE', 'DELETE'], unusable: false },
      ])
    } finally {
      folder.remove()
    }
  }))

test('what was made before its role was known, or in a schema of its own, is granted by the next run', () =>
  withTwoRoles(async ({ migrateUrl, appUrl, appRole, query }) => {
    const folder = makeMigrations({
      '0000_a': `create schema billing; create table billing.bill (id serial);
        create view bills as select from billing.bill`,
    })
    const said: string[] = []
    try {
      await migrate(migrateUrl, { folder: folder.path })
      expect(await findMissingRights(query, { role: appRole })).not.toEqual([])
      await migrate(migrateUrl, { appUrl, folder: folder.path, log: (line) => said.push(line) })
      expect(await findMissingRights(query, { role: appRole })).toEqual([])
      expect(said).toContainEqual(expect.stringContaining(`the role "${appRole}" has its rights on`))
    } finally {
      folder.remove()
    }
  }))

test('a migrator that may not give rights names the statements that an owner runs', () =>
  withTwoRoles(async ({ migrateUrl, appUrl, appRole, query }) => {
    const folder = makeMigrations({ '0000_a': 'create table a (id int)' })
    const owner = await createRole()
    try {
      await migrate(migrateUrl, { folder: folder.path })
      for (const table of ['a', 'drizzle.__drizzle_migrations']) {
        await query.unsafe(`alter table ${table} owner to "${owner.name}"`)
      }
      await query.unsafe(`grant select on drizzle.__drizzle_migrations to public`)
      await expect(migrate(migrateUrl, { appUrl, folder: folder.path })).rejects.toThrow(
        `GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.a TO "${appRole}";`,
      )
    } finally {
      folder.remove()
      await query.unsafe(`drop owned by "${owner.name}" cascade`)
      await owner.drop()
    }
  }))

test('where roles are told apart only later, what each of them made counts', () =>
  withTwoRoles(async ({ migrateUrl, appUrl, appRole, query }) => {
    const folder = makeMigrations({ '0000_a': 'create table a (id int)' })
    const migrator = roleOf(migrateUrl)
    try {
      await query.unsafe(`grant create on schema public to "${appRole}"`)
      await query.unsafe(`grant create on database ${new URL(appUrl).pathname.slice(1)} to "${appRole}"`)
      await migrate(appUrl, { folder: folder.path })
      for (const grant of ['usage on schema drizzle', 'all on all tables in schema drizzle']) {
        await query.unsafe(`grant ${grant} to "${migrator}"`)
      }
      await query.unsafe(`grant all on all sequences in schema drizzle to "${migrator}"`)
      folder.add('0001_b', 'create table b (id int)')
      await migrate(migrateUrl, { folder: folder.path })
      expect(await findMissingRights(query, { role: appRole, migrator })).toMatchObject([
        { object: 'public.b', unusable: true },
      ])
      await migrate(migrateUrl, { appUrl, folder: folder.path })
      expect(await findMissingRights(query, { role: appRole, migrator })).toEqual([])
    } finally {
      folder.remove()
    }
  }))

test('a migrator that may not see what others run still names who holds the lock', () =>
  withTwoRoles(async ({ migrateUrl, appUrl, appRole }) => {
    const folder = makeMigrations({ '0000_a': 'create table a (id int)' })
    const holder = postgres(appUrl, { max: 1, onnotice: () => {} })
    try {
      await migrate(migrateUrl, { appUrl, folder: folder.path })
      await holder.unsafe('begin; select from a')
      const [{ pid } = { pid: 0 }] = await holder<{ pid: number }[]>`select pg_backend_pid() as pid`
      folder.add('0001_b', 'alter table a add b int')
      await expect(
        migrate(migrateUrl, { folder: folder.path, patience: { ...PATIENCE, retryMs: 300 } }),
      ).rejects.toThrow(new RegExp(`Held by:\\n {2}pid ${pid}, .*role ${appRole}\\b`))
    } finally {
      await holder.end({ timeout: 1 })
      folder.remove()
    }
  }))
