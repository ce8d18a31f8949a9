// Rules over several fields or rows: what is typed wrongly is told, and what they become stays true as the table changes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import postgres from 'postgres'
import { withExclusions } from '../../../scripts/generate/exclusions.ts'
import { parseFields } from '../../../scripts/new/fields.ts'
import { parseRules, ranksOf } from '../../../scripts/new/rules.ts'
import { type Checkout, copyCheckout } from '../support/checkout.ts'
import { createEmptyDatabase, serverEnv, uniquePrefix } from '../support/services.ts'

const FIELDS = parseFields(
  [
    'court:int',
    'guests:int',
    'starts:timestamp',
    'ends:timestamp',
    'closes:timestamp?',
    'note:text',
    'lent:bool',
    'low:decimal(5,1)',
    'high:decimal(9,2)',
  ],
  'booking',
)

test.each([
  [['uniq(court,starts)'], 'there is no rule "uniq": did you mean unique?'],
  [['check(ends > starts'], 'has no ) at its end'],
  [['unique(court,start)'], 'there is no field "start": did you mean starts?'],
  [['unique(court)'], 'say court:int:unique'],
  [['unique(all,court)'], 'say court:int:unique'],
  [['unique(court,starts,court)'], 'names "court" twice'],
  [['unique(court,note)'], '"note" is text, which is compared with nothing'],
  [['check(ends)'], 'is no comparison'],
  [['check(ends => starts)'], 'there is no operator =>: there are > >= < <= !='],
  [['check(ends = starts)'], 'two fields that are always the same are one'],
  [['check(ends > guests)'], '"ends" is timestamp and "guests" is int'],
  [['check(ends > ends)'], 'compares "ends" with itself'],
  [['check(low < high)'], '"low" has 1 places behind the point and "high" 2'],
  [['check(lent > lent)'], 'compares "lent" with itself'],
  [['check(ends > now(); drop table users)'], 'is no comparison'],
  [['check(guests >= 1)'], 'guests:int:min(...) or :max(...)'],
  [['check(ends > starts)', 'check(ends > starts)'], '"check(ends > starts)" stands twice'],
  [['check(ends > starts)', 'check(starts >= ends)'], 'goes in a circle'],
  [['check(starts > ends)', 'exclude(starts..ends)'], 'goes in a circle'],
  [['exclude(court)'], 'ends in no range'],
  [['exclude(court, starts..end)'], 'did you mean ends?'],
  [['exclude(court, starts..guests)'], 'a range has both of one type'],
  [['exclude(starts, starts..ends)'], 'names "starts" twice'],
  [['exclude(lent..lent)'], 'there are no ranges of bool: there are of int, decimal, date, timestamp'],
])('the rules %p are refused: %s', (specs, why) => {
  expect(() => parseRules(specs, FIELDS)).toThrow(why)
})

test('an exclusion brings the check that a range ends after it begins, where none says so', () => {
  const wordsOf = (...specs: string[]) => parseRules(specs, FIELDS).map(({ word }) => word)
  expect(wordsOf('exclude(court, starts..ends)')).toEqual(['exclude', 'check'])
  for (const check of ['check(ends >= starts)', 'check(starts < ends)'])
    expect(wordsOf('exclude(starts..ends)', check)).toEqual(['exclude', 'check'])
})

test('values are made in the order in which rules compare them', () => {
  const rules = parseRules(
    ['check(closes >= ends)', 'check(starts < ends)', 'check(court != guests)'],
    FIELDS,
  )
  expect(Object.fromEntries(ranksOf(rules))).toEqual({ starts: 0, ends: 1, closes: 2, court: 1, guests: 0 })
})

test('of an index that excludes a constraint is made, and dropped as one; other indexes stay', () => {
  const created = `CREATE INDEX "a_b" ON "as" USING gist ("court" WITH =, int4range("x", "y") WITH &&) WHERE "as"."gone" is null;`
  const other = `CREATE INDEX "a_c" ON "as" USING gist ("point");`
  const migration = withExclusions(`${created}--> statement-breakpoint\n${other}`, { tables: {} })
  expect(migration).toContain('CREATE EXTENSION IF NOT EXISTS btree_gist;')
  expect(migration).toEndWith(
    'ALTER TABLE "as" ADD CONSTRAINT "a_b" EXCLUDE USING gist ("court" WITH =, int4range("x", "y") WITH &&) ' +
      `WHERE ("as"."gone" is null);--> statement-breakpoint\n${other}`,
  )
  const table = (schema: string, expression: string) => ({
    schema,
    name: 'as',
    indexes: { a_b: { columns: [{ expression }] } },
  })
  const dropped = (schema: string, expression: string) =>
    withExclusions('DROP INDEX "a_b";', { tables: { 'public.as': table(schema, expression) } })
  expect(dropped('', 'int4range("x", "y") WITH &&')).toBe('ALTER TABLE "as" DROP CONSTRAINT "a_b";')
  expect(dropped('own', 'int4range("x", "y") WITH &&')).toBe('ALTER TABLE "own"."as" DROP CONSTRAINT "a_b";')
  expect(dropped('', 'point')).toBe('DROP INDEX "a_b";')
})

describe('in a checkout', () => {
  let checkout: Checkout
  let database: Awaited<ReturnType<typeof createEmptyDatabase>>
  let env: Record<string, string>
  beforeAll(async () => {
    checkout = copyCheckout()
    database = await createEmptyDatabase()
    env = serverEnv(database.url, uniquePrefix())
  })
  afterAll(async () => {
    await database.drop()
    checkout.remove()
  })

  async function constraints(): Promise<string[]> {
    const sql = postgres(database.url, { max: 1, onnotice: () => {} })
    try {
      const rows = await sql<{ is: string }[]>`
        select contype::text || ' ' || conname as is from pg_constraint
        where conrelid = 'xylophones'::regclass and contype in ('c', 'u', 'x') order by conname`
      return rows.map((row) => row.is)
    } finally {
      await sql.end()
    }
  }
  const migrate = async () => expect(await checkout.run('migrate', [], env)).toMatchObject({ code: 0 })

  test('a resource with rules passes the test that it gets, and its migrations make, and drop, all of them', async () => {
    const given = ['hall:int', 'ends:timestamp', 'starts:timestamp:index', 'notes:int']
    const first = await checkout.run('new', ['xylophone', ...given, 'unique(hall,starts)'])
    expect(first).toMatchObject({ code: 0 })
    checkout.commit('xylophones')
    const later = await checkout.run('new', ['field', 'xylophones', 'exclude(starts..ends)'])
    expect([later.code, later.said]).toEqual([0, later.said])
    await migrate()
    expect(await constraints()).toEqual([
      'c xylophones_ends_gt_starts',
      'u xylophones_hall_starts_unique',
      'x xylophones_starts_ends_overlap',
    ])
    const { code, said } = await checkout.run('test', ['test/xylophones.test.ts'])
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining(' 0 fail') })

    const nothing = await checkout.run('generate', ['--name', 'nothing'])
    expect(nothing.said).toContain('nothing that drizzle/ lacks')
    const table = checkout.read('src/xylophones/table.ts')
    const without = table.split('\n').filter((line) => !/\bends\b/.test(line) || line.startsWith('//'))
    await Bun.write(join(checkout.root, 'src/xylophones/table.ts'), without.join('\n'))
    expect(await checkout.run('generate', ['--name', 'without', '--undeployed'])).toMatchObject({ code: 0 })
    await migrate()
    expect(await constraints()).toEqual(['u xylophones_hall_starts_unique'])
  })
})
