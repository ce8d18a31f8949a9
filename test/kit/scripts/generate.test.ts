// `npm run generate`: each change of a table, with rows in it, while a process of the old code and one of the new read and write.
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql as raw } from 'drizzle-orm'
import * as pg from 'drizzle-orm/pg-core'
import postgres from 'postgres'
import { contractionOf, findLeftovers } from '../../../scripts/generate/contract.ts'
import type { Answers } from '../../../scripts/generate/expand.ts'
import { readNotes, writeMigrations } from '../../../scripts/generate/migration-files.ts'
import { isDone, makePlan, migrationsOf } from '../../../scripts/generate/plan.ts'
import { newestSnapshot, snapshotFrom } from '../../../scripts/generate/snapshot.ts'
import { exclusion } from '../../../src/kit/data/exclusion.ts'
import { migrate } from '../../../scripts/migrate.ts'
import { copyCheckout } from '../support/checkout.ts'
import { createEmptyDatabase } from '../support/services.ts'
import { until } from '../support/until.ts'

const { pgTable, pgEnum, serial, text, integer } = pg

type Schema = Record<string, unknown>
type Said = { renames?: Record<string, string>; drops?: string[]; fills?: Record<string, string> }

const answersOf = ({ renames = {}, drops = [], fills = {} }: Said): Answers => ({
  renames: new Map(Object.entries(renames)),
  drops: new Set(drops),
  fills: new Map(Object.entries(fills)),
})

/** A project of nothing but migrations. */
function openProject() {
  const root = mkdtempSync(join(tmpdir(), 'restbun-generate-'))
  mkdirSync(join(root, 'drizzle/meta'), { recursive: true })
  writeFileSync(join(root, 'drizzle/meta/_journal.json'), JSON.stringify({ version: '7', entries: [] }))
  const planFor = (schema: Schema, said: Said = {}) => {
    const before = newestSnapshot(root)
    return makePlan(before, snapshotFrom(schema, before.id), answersOf(said), readNotes(root))
  }
  return {
    planFor,
    folder: join(root, 'drizzle'),
    /** @returns the SQL of each migration */
    async generate(schema: Schema, said: Said = {}): Promise<string[]> {
      const plan = await planFor(schema, said)
      expect(plan.refusals).toEqual([])
      return read(writeMigrations(root, migrationsOf('change', plan)))
    },
    async contract(schema: Schema, ...only: string[]): Promise<string[]> {
      return read(writeMigrations(root, [await contractionOf('contract', await planFor(schema), only)]))
    },
    async leftovers(schema: Schema): Promise<string[]> {
      const { before, after, notes } = await planFor(schema)
      return findLeftovers(before, after, notes).map(({ place, about }) => `${place}: ${about}`)
    },
    remove: () => rmSync(root, { recursive: true }),
  }

  function read(paths: string[]) {
    return paths.map((path) => readFileSync(join(root, path), 'utf8'))
  }
}

type Project = ReturnType<typeof openProject>
type Writer = (sql: postgres.Sql) => Promise<unknown>

async function withDatabase(
  work: (sql: postgres.Sql, project: Project, run: () => Promise<number>) => Promise<void>,
) {
  const database = await createEmptyDatabase()
  const project = openProject()
  const sql = postgres(database.url, { max: 4, onnotice: () => {} })
  try {
    await work(sql, project, () => migrate(database.url, { folder: project.folder }))
  } finally {
    await sql.end({ timeout: 1 })
    project.remove()
    await database.drop()
  }
}

/** Does its work again and again until `stop`, which throws what went wrong. */
function keepAtWork(sql: postgres.Sql, work: Writer) {
  let working = true
  let done = 0
  const ended = (async () => {
    while (working) {
      await work(sql)
      done++
    }
  })()
  ended.catch(() => {})
  const busy = (times = 5) => {
    const goal = done + times
    return until('the writer', () => Promise.race([ended.then(() => true), Promise.resolve(done >= goal)]))
  }
  return {
    busy,
    async stop() {
      working = false
      await ended
    },
  }
}

/**
 * From one schema to the other as it is in life: rows, an old process at work, the steps, a new one beside it, the end of the old one,
 * and the contraction.
 */
const live = (
  before: Schema,
  after: Schema,
  said: Said,
  { rows, older, newer, check }: { rows: string; older: Writer; newer: Writer; check: Writer },
) =>
  withDatabase(async (sql, project, run) => {
    await project.generate(before)
    await run()
    await sql.unsafe(rows)
    const old = keepAtWork(sql, older)
    await old.busy()
    const files = await project.generate(after, said)
    expect(await run()).toBe(files.length)
    const plan = await project.planFor(after)
    expect([plan.refusals, isDone(plan)]).toEqual([[], true]) // nothing is asked or generated again
    const young = keepAtWork(sql, newer)
    await Promise.all([old.busy(), young.busy()])
    await old.stop()
    await check(sql)
    if ((await project.leftovers(after)).length > 0) {
      await project.contract(after)
      await run()
      expect(await project.leftovers(after)).toEqual([])
      expect(isDone(await project.planFor(after))).toBe(true)
    }
    await young.busy()
    await young.stop()
    // The database is what the code says.
    const triggers = await sql`select tgname from pg_trigger where not tgisinternal`
    expect([...triggers]).toEqual([])
  })

const films = (
  columns: Record<string, pg.PgColumnBuilderBase>,
  extra?: (t: never) => pg.PgTableExtraConfigValue[],
) => ({
  films: pgTable('films', { id: serial().primaryKey(), ...columns }, extra as never),
})

type Columns = Record<'id' | 'note' | 'remark' | 'seats', never>

const MANY = `insert into films (note) select 'note ' || i from generate_series(1, 30000) i`

/** What stands on a column, as it is called. */
const named = (name: 'note' | 'remark') =>
  films({ [name]: text().notNull().default('-') }, (t: Columns) => [
    pg.index('films_found').on(t[name]),
    pg.unique(`films_${name}`).on(t.id, t[name]),
  ])

test('a renamed column: both names are the same in every row, whoever writes, until the old one goes', () =>
  live(
    named('note'),
    named('remark'),
    { renames: { 'films.note': 'remark' } },
    {
      rows: MANY,
      async older(sql) {
        const [made] = await sql`insert into films (note) values ('old') returning id, note`
        await sql`update films set note = 'older' where id = ${made?.id}`
        const [read] = await sql`select note from films where id = ${made?.id}`
        expect([made?.note, read?.note]).toEqual(['old', 'older'])
      },
      async newer(sql) {
        const [plain] = await sql`insert into films default values returning remark`
        expect(plain?.remark).toBe('-')
        const [made] = await sql`insert into films (remark) values ('new') returning id, remark`
        await sql`update films set remark = 'newer' where id = ${made?.id}`
        const [read] = await sql`select remark from films where id = ${made?.id}`
        expect([made?.remark, read?.remark]).toEqual(['new', 'newer'])
      },
      async check(sql) {
        expect([...(await sql`select from films where note is distinct from remark`)]).toEqual([])
        const [counted] =
          await sql`select count(*)::int as all, count(*) filter (where remark like 'note %')::int as filled from films`
        expect(counted?.filled).toBe(30000)
        // After a rollback, a row of the newer one is changed by an older one, and the other way round.
        const [old] = await sql`update films set note = 'back' where id = 1 returning remark`
        const [young] = await sql`update films set remark = 'again' where id = 1 returning note`
        expect([old?.remark, young?.note]).toEqual(['back', 'again'])
      },
    },
  ))

test('a column of another type under another name: each process reads and writes it in its own', () =>
  live(
    films({ seats: integer() }),
    films({ places: text() }),
    { renames: { 'films.seats': 'places' } },
    {
      rows: `insert into films (seats) select i from generate_series(1, 5000) i`,
      async older(sql) {
        const [made] = await sql`insert into films (seats) values (5) returning id`
        const [read] = await sql`update films set seats = seats + 1 where id = ${made?.id} returning seats`
        expect(read?.seats).toBe(6)
      },
      async newer(sql) {
        const [made] = await sql`insert into films (places) values ('7') returning places`
        expect(made?.places).toBe('7')
      },
      async check(sql) {
        const found = await sql`select distinct seats, places from films where id > 5000 order by 1`
        expect(found.map(({ seats, places }) => [seats, places])).toEqual([
          [6, '6'],
          [7, '7'],
        ])
        expect(await sql`select from films where seats::text is distinct from places`).toHaveLength(0)
      },
    },
  ))

test('a required column that rows do not have: they get the value, and so do those that older processes write', () =>
  live(
    films({ note: text() }),
    films({ note: text(), seats: integer().notNull() }),
    { fills: { 'films.seats': 'length(note) + 1' } },
    {
      rows: MANY,
      older: (sql) => sql`insert into films (note) values ('four')`,
      newer: (sql) => sql`insert into films (note, seats) values ('new', 9)`,
      async check(sql) {
        const found = await sql`select distinct seats from films where note in ('four', 'new') order by 1`
        expect(found.map(({ seats }) => seats)).toEqual([5, 9])
        const [column] =
          await sql`select attnotnull from pg_attribute where attrelid = 'films'::regclass and attname = 'seats'`
        expect(column?.attnotnull).toBe(true)
        expect([...(await sql`select from pg_constraint where conname like 'filled%'`)]).toEqual([])
      },
    },
  ))

test('a column that becomes required: empty ones are filled, and older processes that empty it fill it', () =>
  live(
    films({ note: text(), version: integer().notNull().default(1) }),
    films({ note: text().notNull().default('-'), version: integer().notNull().default(1) }),
    {},
    {
      rows: `insert into films (note) select case when i % 2 = 0 then 'note' end from generate_series(1, 5000) i`,
      older: (sql) => sql`insert into films (note) values (null)`,
      newer: async (sql) => {
        expect([...(await sql`select from films where note is null`)]).toEqual([])
      },
      async check(sql) {
        const found =
          await sql`select version, count(*)::int from films where id <= 5000 group by 1 order by 1`
        expect(found.map((row) => [row.version, row.count])).toEqual([
          [1, 2500],
          [2, 2500], // what was filled is another state
        ])
      },
    },
  ))

test('a column that is gone: older processes read and write it, and find a value in what newer ones write', () =>
  live(
    films({ note: text().notNull(), year: integer() }),
    films({ year: integer() }),
    { fills: { 'films.note': "'none'" } },
    {
      rows: MANY,
      async older(sql) {
        await sql`insert into films (note) values ('old')`
        expect((await sql`select from films where note is null`).length).toBe(0)
      },
      newer: (sql) => sql`insert into films (year) values (2026)`,
      async check(sql) {
        const found = await sql`select distinct note from films where year = 2026`
        expect(found.map(({ note }) => note)).toEqual(['none'])
      },
    },
  ))

const genre = (...values: [string, ...string[]]) => {
  const type = pgEnum('genre', values)
  return { type, ...films({ genre: type().notNull().default('a') }) }
}

test('a value that is gone from an enum: rows and older processes get the one that takes its place', () =>
  live(
    genre('a', 'b', 'c'),
    genre('a', 'c'),
    { fills: { 'genre.b': 'c' } },
    {
      rows: `insert into films (genre) select 'b' from generate_series(1, 5000)`,
      older: (sql) => sql`insert into films (genre) values ('b')`,
      newer: (sql) => sql`insert into films (genre) values ('c')`,
      async check(sql) {
        expect((await sql`select distinct genre from films`).map((row) => row.genre)).toEqual(['c'])
      },
    },
  ))

test('a value that is new to an enum is there before its first use, which may be a default', () =>
  withDatabase(async (sql, project, run) => {
    await project.generate(genre('a'))
    await run()
    const type = pgEnum('genre', ['b', 'a'])
    const files = await project.generate({ type, ...films({ genre: type().notNull().default('b') }) })
    expect(files).toHaveLength(2)
    await run()
    const [row] = await sql`insert into films default values returning genre`
    expect(row?.genre).toBe('b')
  }))

test('an index, a unique constraint, a check and a reference of a table that is there are made without locking it', () =>
  withDatabase(async (sql, project, run) => {
    const users = pgTable('users', { id: serial().primaryKey() })
    const plain = { note: text(), seats: integer(), user: integer() }
    await project.generate({
      users,
      ...films(plain, (t: Columns) => [pg.index('films_note').on(t.note)]),
    })
    await run()
    await sql`insert into films (note, seats) values ('a', 1), ('a', 2), (null, 3)`
    const changed = films({ ...plain, user: integer().references(() => users.id) }, (t: Columns) => [
      pg.index('films_note').on(t.note, t.seats),
      pg.unique('films_twice').on(t.note, t.seats),
      pg.check('films_seats', raw`${t.seats} > 0`),
    ])
    const files = await project.generate({ users, ...changed })
    expect(files).toHaveLength(3)
    expect(files[1]).toMatch(/^-- concurrently\n/)
    for (const statement of ['ADD CONSTRAINT', 'DROP CONSTRAINT', 'CREATE INDEX "', 'DROP INDEX "'])
      expect(files[1]).not.toContain(statement)
    await run()
    const found = await sql`
      select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where indrelid = 'films'::regclass and indisvalid order by 1`
    expect(found.map(({ name }) => name)).toEqual(['films_note', 'films_pkey', 'films_twice'])
    const constraints = await sql`
      select conname, convalidated from pg_constraint where conrelid = 'films'::regclass and contype in ('c', 'f', 'u') order by 1`
    expect(constraints.map((row) => [row.conname, row.convalidated])).toEqual([
      ['films_seats', true],
      ['films_twice', true],
      ['films_user_users_id_fk', true],
    ])
    // Another order of the same constraint: the old one guards until the new one does.
    const again = films({ ...plain, user: integer().references(() => users.id) }, (t: Columns) => [
      pg.index('films_note').on(t.note, t.seats),
      pg.unique('films_twice').on(t.seats),
      pg.check('films_seats', raw`${t.seats} > 0`),
    ])
    await project.generate({ users, ...again })
    await run()
    await expect(sql`insert into films (note, seats) values ('z', 1)`.execute()).rejects.toThrow(
      'films_twice',
    )
  }))

test('rows that must not overlap any more, of a table that is there: last, and the columns beside it stay if it fails', () =>
  withDatabase(async (sql, project, run) => {
    await project.generate(films({ seats: integer() }))
    await run()
    await sql`insert into films (seats) values (1), (1)`
    const apart = films({ seats: integer(), note: text() }, (t: Columns) => [
      exclusion('films_apart', [], raw`int4range(${t.seats}, ${t.seats} + 1)`),
    ])
    const files = await project.generate(apart)
    expect(files.map((file) => file.includes('EXCLUDE'))).toEqual([false, true])
    await expect(run()).rejects.toThrow(/_finish.sql failed: .*films_apart/)
    await sql`update films set note = 'there', seats = id`
    expect(await run()).toBe(1)
    await expect(sql`insert into films (seats) values (1)`.execute()).rejects.toThrow('films_apart')
  }))

test('rows that break a new constraint are told by the migration, with the query that finds them, and the next run goes on', () =>
  withDatabase(async (sql, project, run) => {
    await project.generate(films({ note: text(), seats: integer() }))
    await run()
    await sql`insert into films (note, seats) values ('a', 1), ('a', 1)`
    const [, file = ''] = await project.generate(
      films({ note: text(), seats: integer() }, (t: Columns) => [
        pg.unique('films_twice').on(t.note, t.seats),
        pg
          .uniqueIndex('films_once')
          .on(t.note)
          .where(raw`${t.seats} > 0`),
        pg.check('films_seats', raw`${t.seats} > 1`),
      ]),
    )
    const queries = [...file.matchAll(/^-- (?:Which they are: )?(SELECT .*)$/gm)].map(
      ([, query = '']) => query,
    )
    expect(queries).toHaveLength(3)
    for (const query of queries) expect((await sql.unsafe(query)).length).toBeGreaterThan(0)
    await expect(run()).rejects.toThrow(/failed: could not create unique index|is violated by some row/)
    await sql`delete from films where id = 1`
    await sql`update films set seats = 2`
    expect(await run()).toBe(2)
    for (const query of queries) expect(await sql.unsafe(query)).toHaveLength(0)
  }))

test.each<[change: string, Schema, Schema, Said, why: RegExp]>([
  [
    'a column that may be renamed',
    films({ note: text() }),
    films({ remark: text() }),
    {},
    /--rename films\.note:remark\n.*--drop films\.note/,
  ],
  [
    'a table that may be renamed',
    films({ note: text() }),
    { plays: pgTable('plays', { id: serial().primaryKey(), note: text() }) },
    {},
    /pgTable\('films', \.\.\.\)[^]*--drop films/,
  ],
  [
    'a required column without a value',
    films({}),
    films({ seats: integer().notNull() }),
    {},
    /new and NOT NULL.*--fill "films\.seats=''" of a text or "films\.seats=0" of a number/,
  ],
  [
    'a column that is required now',
    films({ note: text() }),
    films({ note: text().notNull() }),
    {},
    /is NOT NULL now/,
  ],
  [
    'a required column that is gone',
    films({ note: text().notNull() }),
    films({}),
    {},
    /older ones[^]*--fill "films\.note=''" of a text or "films\.note=0" of a number/,
  ],
  [
    'another type',
    films({ note: integer() }),
    films({ note: text() }),
    {},
    /type of films\.note changes from integer to text.*--rename films\.note:/,
  ],
  ['a value that is gone', genre('a', 'b'), genre('a'), {}, /Rows hold it.*--fill genre\.b=a/],
  [
    'a value of another name',
    genre('a', 'b'),
    genre('a', 'z'),
    { fills: { 'genre.b': 'z' } },
    /in a first release[^]*--fill genre\.b=z/,
  ],
  [
    'an answer about nothing',
    films({ note: text() }),
    films({ note: text() }),
    { drops: ['films.nota'] },
    /films\.nota: it did not change/,
  ],
])('%s is asked about, and nothing is guessed', async (_, before, after, said, why) => {
  const project = openProject()
  try {
    await project.generate(before)
    const { refusals } = await project.planFor(after, said)
    expect(refusals.join('\n\n')).toMatch(why)
    expect(refusals).toHaveLength(1)
  } finally {
    project.remove()
  }
})

test('a change that waits for the contraction of its table, which waits for it, is to be put aside', async () => {
  const project = openProject()
  try {
    await project.generate(films({ note: text() }))
    await project.generate(films({ remark: text() }), { renames: { 'films.note': 'remark' } })
    const required = films({ remark: text().notNull() })
    const { refusals } = await project.planFor(required, { fills: { 'films.remark': `''` } })
    expect(refusals).toEqual([
      expect.stringMatching(/between two steps.*git stash.*--contract.*git stash pop/),
    ])
    await expect(project.contract(required)).rejects.toThrow('git stash')
    await project.contract(films({ remark: text() }))
    expect((await project.planFor(required, { fills: { 'films.remark': `''` } })).refusals).toEqual([])
  } finally {
    project.remove()
  }
})

test('a column that is dropped beside a new one of its type is asked about once', async () => {
  const project = openProject()
  try {
    await project.generate(films({ note: text() }))
    await project.generate(films({ remark: text() }), { drops: ['films.note'] })
    expect(await project.leftovers(films({ remark: text() }))).toEqual(['films.note: a column'])
    const [more = ''] = await project.generate(films({ remark: text(), blurb: text() }))
    expect(more).toBe('ALTER TABLE "films" ADD COLUMN "blurb" text;')
    const [gone = ''] = await project.contract(films({ remark: text(), blurb: text() }), 'films.note')
    expect(gone).toEndWith('ALTER TABLE "films" DROP COLUMN "note";')
  } finally {
    project.remove()
  }
})

test('what is safe is one migration, as drizzle-kit writes it', async () => {
  const project = openProject()
  try {
    await project.generate(films({ note: pg.varchar({ length: 5 }) }))
    expect(
      await project.generate(
        films({ note: pg.varchar({ length: 9 }), seats: integer().notNull().default(1) }),
      ),
    ).toEqual([
      'ALTER TABLE "films" ALTER COLUMN "note" SET DATA TYPE varchar(9);--> statement-breakpoint\n' +
        'ALTER TABLE "films" ADD COLUMN "seats" integer DEFAULT 1 NOT NULL;',
    ])
  } finally {
    project.remove()
  }
})

const expectSaid = ({ code, said }: { code: number; said: string }, expected: number, part: string) =>
  expect([code, said]).toEqual([expected, expect.stringContaining(part)])

test('the command says what it wrote, what is left for later, and without a terminal what it has to know', async () => {
  const checkout = copyCheckout()
  const generate = (...args: string[]) => checkout.run('generate', ['--name', 'what', ...args])
  const rename = async () => {
    for (const path of ['src/xylophones/table.ts', 'src/xylophones/queries.ts']) {
      const text = checkout.read(path).replaceAll(/(?<=^ *|t\.|\[')note\b/gm, 'remark')
      await Bun.write(join(checkout.root, path), text)
    }
  }
  try {
    expect(await checkout.run('new', ['xylophone', 'note:string'])).toMatchObject({ code: 0 })
    expectSaid(await generate(), 0, 'nothing that drizzle/ lacks')
    checkout.commit('xylophones')
    await rename()
    const changes = checkout.changes()
    const asked = await generate()
    expect([asked.code, asked.err]).toEqual([1, expect.stringContaining('--rename xylophones.note:remark')])
    const wrong = await generate('--rename', 'xylophones.note')
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('it takes bookings.note:remark')])
    const nameless = await checkout.run('generate', ['--rename', 'xylophones.note:remark'])
    expect([nameless.code, nameless.err]).toEqual([2, expect.stringContaining('needs a name')])
    expect(checkout.changes()).toBe(changes)

    const atOnce = await generate('--rename', 'xylophones.note:remark', '--undeployed')
    expect(atOnce).toMatchObject({ code: 0 })
    const [path = ''] = /drizzle\/\S+/.exec(atOnce.out) ?? []
    expect(checkout.read(path)).toStartWith('ALTER TABLE "xylophones" RENAME COLUMN "note" TO "remark";')
    checkout.git('checkout', '-q', 'drizzle')
    checkout.git('clean', '-fdq', 'drizzle')

    const written = await generate('--rename', 'xylophones.note:remark')
    expectSaid(written, 0, 'xylophones.note  a column, a trigger')
    expect([...written.out.matchAll(/^wrote .*_(what\w*)\.sql$/gm)].map(([, name]) => name)).toEqual([
      'what',
      'what_concurrently',
      'what_finish',
    ])
    // It is nothing that other commands would stop at.
    expect(await checkout.run('new', ['yodeller', 'name:string'])).toMatchObject({ code: 0 })
    const none = await generate('--contract', 'xylophones.nota')
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('did you mean xylophones.note?')])
    const contract = await generate('--contract')
    const [last = ''] = /drizzle\/\S+/.exec(contract.out) ?? []
    expect(checkout.read(last)).toContain('DROP FUNCTION "bridge_xylophones_note"() CASCADE;')
    expect(checkout.read(last)).toContain('ALTER TABLE "xylophones" DROP COLUMN "note";')
    expectSaid(await generate('--contract'), 2, 'Nothing is left')
    expect(await generate('--custom')).toMatchObject({ code: 0 })
    expectSaid(await generate(), 0, 'nothing that drizzle/ lacks')
  } finally {
    checkout.remove()
  }
})
