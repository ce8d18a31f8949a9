// Values do not depend on how a server, a database or a role is configured, directly or through PgBouncer.
import { beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { withConnection } from '../../../scripts/connection.ts'
import { findOwnedTables, ownedRows } from '../../../src/kit/data/owned-rows.ts'
import * as tables from '../product/table.ts'
import { UNTRACKED_SETTINGS } from '../../../src/kit/data/postgres/connection-settings.ts'
import { startApp } from '../support/harness.ts'
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

/** What changes how values are written, read or compared; and limits that are not for the app. */
const ODD: Record<string, Record<string, string>> = {
  'a zone of half hours, and days first': { TimeZone: 'Asia/Kolkata', DateStyle: 'SQL, DMY' },
  'a zone that had seconds, and German dates': { TimeZone: 'Europe/Amsterdam', DateStyle: 'German' },
  'the west, and dates of Postgres': { TimeZone: 'America/St_Johns', DateStyle: 'Postgres, MDY' },
  'texts and nulls of old, another encoding': {
    standard_conforming_strings: 'off',
    escape_string_warning: 'off',
    array_nulls: 'off',
    transform_null_equals: 'on',
    client_encoding: 'LATIN1',
    row_security: 'off',
  },
  'few digits, and other names': {
    extra_float_digits: '-15',
    bytea_output: 'escape',
    IntervalStyle: 'sql_standard',
    search_path: 'decoy',
  },
  'isolation and limits': {
    default_transaction_isolation: 'serializable',
    statement_timeout: '1',
    enable_indexscan: 'off',
  },
}

const CREATED = '1890-03-05T12:30:45.678Z'
const TITLE = `C:\\new \\' "quoted" naïve 東京 🧨 %_\\`

const [itsNotes] = Object.values(findOwnedTables(tables, tables.members).owned)

/** All that the API says of one account, and of values that resources have; what is random left out. */
async function take(databaseUrl: string) {
  const app = await startApp({ DATABASE_URL: databaseUrl })
  try {
    const member = await app.member('owner')
    const note = await member.post('/club/notes', { text: TITLE })
    await app.deps.db.execute(sql`update notes set written = ${CREATED}::timestamptz`)
    const id: string = member.user.id
    const values = await app.deps.db.execute(sql`
      select ${CREATED}::timestamptz as moment, '2026-02-01'::date as day, ${'0.30000000000000004'}::float8 as double,
        '1.1'::float4 as single, '12345678901234567890.5'::numeric as numeric, 'a\\nb' as literal,
        '\\xdeadbeef'::bytea as bytes, interval '1 day 2 hours' as span, array['NULL', 'a\\b', 'ä'] as texts, now()::date = (now() at time zone 'UTC')::date as day_of_utc`)
    const said = {
      self: (await member.get('/club/self')).body,
      members: (await member.get('/club/members')).body,
      note: (await member.get(`/club/notes/${note.body.id}`)).body,
      notes: (await member.get('/club/notes')).body,
      found: (await member.get(`/club/notes?search=${encodeURIComponent('\\new')}`)).body,
      again: (await app.visitor().post('/club/enter', member.account)).status,
      owned:
        itsNotes &&
        (await Array.fromAsync(ownedRows(app.deps.db, itsNotes, id, AbortSignal.timeout(10_000)))),
      values: [...values],
    }
    // Known by what they are, not by what they say.
    const text = JSON.stringify(said).replaceAll(id, '(id)')
    return JSON.parse(text) as typeof said
  } finally {
    await app.close()
  }
}

async function configure(database: TestDatabase, settings: Record<string, string>): Promise<void> {
  const name = new URL(database.url).pathname.slice(1)
  await withConnection(database.url, async (admin) => {
    // A table of the same name, where an odd search path finds it first.
    await admin`create schema decoy`
    await admin`create table decoy.members (like public.members including defaults)`
    await admin`create table decoy.notes (like public.notes including defaults)`
    for (const [setting, value] of Object.entries(settings)) {
      await admin.unsafe(`alter database ${name} set ${setting} = '${value}'`)
    }
  })
}

let usual: Awaited<ReturnType<typeof take>>
beforeAll(async () => {
  const database = await createDatabase('kit')
  usual = await take(database.url)
  await database.drop()
})

test('as things are usually', () => {
  expect(usual).toMatchObject({
    note: { text: TITLE, written: CREATED, writer: '(id)' },
    found: [{ text: TITLE }],
    self: { email: 'member1@example.com' },
    again: 200,
    owned: [{ text: TITLE, written: CREATED }],
  })
  expect(usual.values[0]).toMatchObject({
    day: '2026-02-01',
    texts: ['NULL', 'a\\b', 'ä'],
    double: 0.30000000000000004,
    single: 1.1,
    literal: 'a\\nb',
    day_of_utc: true,
  })
})

test.each(Object.keys(ODD))('%s', async (name) => {
  const database = await createDatabase('kit')
  try {
    await configure(database, ODD[name] ?? {})
    expect(await take(database.url)).toEqual(usual)
  } finally {
    await database.drop()
  }
})

// Reads by key have no transaction in which to say what a pooler refuses: of that, what the role has counts, and
// `npm run doctor` tells.
const BORNE = Object.keys(ODD).filter(
  (name) => !Object.keys(UNTRACKED_SETTINGS).some((setting) => setting in (ODD[name] ?? {})),
)

test.skipIf(PGBOUNCER === null).each(BORNE)('through PgBouncer: %s', async (name) => {
  const database = await createDatabase('kit')
  const pooler = await startPgBouncer()
  try {
    await configure(database, ODD[name] ?? {})
    expect(await take(`${pooler.urlOf(database.url)}?prepare=false`)).toEqual(usual)
  } finally {
    await pooler.close()
    await database.drop()
  }
})
