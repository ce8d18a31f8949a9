// `npm run new`: what it makes of a name and fields, and what it refuses before anything is written.
// That the template works as it stands, template.test.ts says; that what is made of it passes, test/slow/fork.test.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Refer } from '../../../scripts/new/brackets.ts'
import { parseFields } from '../../../scripts/new/fields.ts'
import { parseNames, pluralOf } from '../../../scripts/new/names.ts'
import { findSlice } from '../../../scripts/new/slices.ts'
import { findTakenName } from '../../../scripts/new/template.ts'
import { addPurgeToCrons, addPurgeToTasks, addToApp, addToFactories } from '../../../scripts/new/wire.ts'
import { readLine, withLine } from '../../../scripts/new/wish.ts'
import { copyCheckout, type Checkout } from '../support/checkout.ts'

test.each([
  ['book', 'books'],
  ['category', 'categories'],
  ['key', 'keys'],
  ['box', 'boxes'],
  ['address', 'addresses'],
  ['match', 'matches'],
  ['book-review', 'book-reviews'],
])('many of %s are %s', (one, many) => {
  expect(pluralOf(one)).toBe(many)
})

test('a name of several words is written as each place writes names', () => {
  const names = parseNames('book-review')
  expect(names).toEqual({ ...parseNames('book_review') })
  expect(names).toMatchObject({ one: 'bookReview', many: 'bookReviews', type: 'BookReview' })
  expect(names).toMatchObject({ snake: 'book_review', table: 'book_reviews', path: 'book-reviews' })
})

test.each([
  ['Book', 'is no name'],
  ['2books', 'is no name'],
  ['book--review', 'is no name'],
  ['../book', 'is no name'],
  ['b'.repeat(41), 'is no name'],
  ['courts', 'name one, court. If it is one, say --plural courtses'],
  ['boxes', 'name one, box.'],
  ['categories', 'name one, category.'],
  ['class', 'reserved word of TypeScript'],
])('"%s" is refused: it %s', (name, why) => {
  expect(() => parseNames(name)).toThrow(why)
})

test.each([
  ['page', undefined],
  ['promise', 'Promise'],
  ['search', 'search'],
  ['date', undefined],
  ['issue', undefined],
  ['client', undefined],
  ['worker', undefined],
  ['uuid', undefined],
  ['key', undefined],
  ['version', 'versions'],
])('what the generated code has for something else of the names of %s: %p', (word, taken) => {
  expect(findTakenName(parseNames(word))).toBe(taken)
})

test('a word that is its own plural is refused with the way out', () => {
  expect(() => parseNames('sheep', 'sheep')).toThrow('--plural')
})

test('what only SQL reserves can be a name, and a field too', () => {
  expect(parseNames('select', 'order')).toMatchObject({ one: 'select', table: 'order' })
  expect(parseFields(['from:string', 'class:int'], 'select').map(({ name }) => name)).toEqual([
    'from',
    'class',
  ])
})

test('the words by which a table was made are read from it as a shell was given them', () => {
  const words = ['book', 'year:int?', 'genre:enum(a,b)', "check(genre <> 'it''s')", '--plural', 'books']
  const table = withLine('// Defines books.\nimport 1\n', words)
  expect(table.split('\n')[1]).toBe(
    String.raw`// npm run new -- book 'year:int?' 'genre:enum(a,b)' 'check(genre <> '\''it'\'''\''s'\'')' --plural books`,
  )
  expect(readLine(table)).toEqual(words)
  expect(readLine('// Defines books.\nimport 1\n')).toBeUndefined()
})

test.each([
  [[], 'name at least one'],
  [['title'], '"title" is no field'],
  [['Title:string'], 'no name of a field'],
  [['first__name:string'], 'no name of a field'],
  [['id:int'], 'is there already'],
  [['creator:uuid'], 'is there already'],
  [['version:int'], 'is there already'],
  [['constructor:string'], 'is there already'],
  [['title:string', 'title:text'], 'stands twice'],
  [['title:strin'], 'did you mean string?'],
  [['starts:datetime'], 'did you mean timestamp?'],
  [['title:constructor'], 'there is no type "constructor": there are string, text'],
  [['size:int(3)'], 'takes no brackets'],
  [['lent:bool:unique'], ':unique is for no bool'],
  [['title:string:unique(some)'], ':unique is unique or unique(all)'],
  [['blurb:text:index'], ':index is for no text'],
  [['title:string:index(all)'], ':index takes no brackets'],
  [['size:int:index'], 'a list\'s query has "size" for something else'],
  [['title:string:indx'], 'there is no :indx: did you mean index?'],
  [['kind:enum(one)'], 'fewer than two values'],
  [['kind:enum'], 'fewer than two values'],
  [['kind:enum(a)'], 'parted by commas'],
  [['kind:enum(a|a)'], 'has the value "a" twice'],
  [['kind:enum(a,B c)'], 'cannot have the value "B c"'],
  [['price:money'], 'did you mean decimal(10,2)?'],
  [['price:float'], 'did you mean number, or decimal(10,2), which is exact?'],
  [['tags:array'], 'did you mean string[]?'],
  [['price:decimal'], "'price:decimal(10,2)' goes up to"],
  [['price:decimal(10)'], "'price:decimal(10,2)' goes up to"],
  [['price:decimal(2,3)'], "'price:decimal(10,2)' goes up to"],
  [['price:decimal(0,0)'], "'price:decimal(10,2)' goes up to"],
  [['price:decimal(39,2)'], 'at most 38'],
  [['court:ref'], 'takes what it refers to: ref(court)'],
  [['court:ref(court,cascade,more)'], 'takes what it refers to: ref(court)'],
  [['court:ref(nowhere)'], 'has a findNowhere(scope: Scope, id)'],
  [['owner:ref(account)'], 'an account has a type of its own: owner:account?'],
  [['sequel:ref(book)?'], 'to itself only by hand'],
  [['court:ref(court,restricted)'], 'there is no rule "restricted"'],
  [['court:ref(court,set-null)'], 'only a field that is optional can be emptied'],
  [['court:ref(lane,restrict)'], 'lanes go with the account that they belong to'],
  [['court:ref(court):unique'], ':unique is for no ref'],
  [['owner:account'], 'says no rule for when that account is deleted'],
  [['owner:account(restrict)?'], 'an account can always be deleted'],
  [['owner:account(set-null)'], 'only a field that is optional can be emptied'],
  [['search:ref(court)'], 'has "search" for something else'],
  [['size:int:min'], ':min takes a value of int, not nothing'],
  [['size_is:int:min(1.5)'], ':min takes a value of int, not 1.5'],
  [['price:decimal(10,2):max(1.234)'], ':max takes a value of decimal(10,2), not 1.234'],
  [['title:string:max(501)'], ':max is a length of 1 to 500'],
  [['title:string:min(0)'], ':min is a length of 1 to 500'],
  [['lent:bool:min(1)'], ':min is for no bool'],
  [['from:time:min(24:00)'], ':min takes a value of time, not 24:00'],
  [['price:decimal(10,2):min(10):max(9.5)'], ':min(10.00) is more than :max(9.50)'],
  [['from:time:min(18:00):max(8:00)'], ':max takes a value of time, not 8:00'],
  [['from:time:min(18:00):max(08:00)'], ':min(18:00:00) is more than :max(08:00:00)'],
  [['seats:int:min(4):max(4)'], 'leave one value'],
  [['seats:int:default(x)'], ':default takes a value of int, not x'],
  [['seats:int:default'], ':default takes a value'],
  [['seats:int:min(1):default(0)'], ':default(0) is less than 1'],
  [['price:decimal(4,2):max(10):default(10.01)'], ':default(10.01) is more than 10.00'],
  [['title:string:max(3):default(long)'], ':default(long) is more than 3'],
  [['kind:enum(a,b):default(c)'], ':default takes a value of enum(a,b), not c'],
  [['at:time:default(now)'], ':default takes a value of time, not now'],
  [['made:date:max(2000-01-01):default(now)'], ':default(now) is more than 2000-01-01'],
  [['seats:int:unique:default(1)'], ':default and :unique do not go together'],
  [['court:ref(court):default(1)'], ':default is for no ref'],
  [['seats:int:min(1):min(2)'], ':min stands twice'],
])('the fields %p are refused: %s', (specs, why) => {
  expect(() => parseFields(specs, 'book', refer)).toThrow(why)
})

/** There are courts, which are everybody's, and lanes, which are their owners'. */
const refer: Refer = (singular, asked) =>
  singular === 'nowhere'
    ? findSlice(join(import.meta.dir, '../../..'), singular, asked)
    : {
        names: parseNames(singular),
        seenBy: 'accounts',
        goesWithAccount: singular === 'lane',
        isSoft: false,
        needsOthers: false,
      }

test.each([
  ['seats:int:min(-1):max(08):default(3)', { min: '-1', max: '8', fallback: '3' }],
  ['price:decimal(10,2):min(0):default(12.5)', { args: ['10', '2'], min: '0.00', fallback: '12.50' }],
  ['share:decimal(3,3)?', { args: ['3', '3'], optional: true }],
  ['opens:time:min(08:00):default(09:30)', { min: '08:00:00', fallback: '09:30:00' }],
  ['starts:timestamp:min(2026-01-01T01:00:00+01:00)', { min: '2026-01-01T00:00:00.000Z' }],
  ['starts:timestamp:default(now)', { fallback: 'now' }],
  ['mail:email:default(Ann@Example.com)', { fallback: 'ann@example.com' }],
  ['site:url:default(HTTPS://Example.com)', { fallback: 'https://example.com/' }],
  ['tags:string[]:max(3):default(a, b):index', { max: '3', fallback: '["a","b"]', sorted: false }],
  ['more:json:default({"a": [1]})', { fallback: '{"a":[1]}' }],
  ['name:string:default(now)', { fallback: 'now' }],
  ['court:ref(court)', { indexed: true, refersTo: expect.objectContaining({ onDelete: 'restrict' }) }],
  ['court:ref(court)?', { refersTo: expect.objectContaining({ onDelete: 'set null' }) }],
  ['court:ref(court, cascade)?', { refersTo: expect.objectContaining({ onDelete: 'cascade' }) }],
  ['lane:ref(lane)', { refersTo: expect.objectContaining({ onDelete: 'cascade' }) }],
  ['trainer:account?', { indexed: true, refersTo: expect.objectContaining({ onDelete: 'set null' }) }],
  ['trainer:account(cascade)', { refersTo: expect.objectContaining({ onDelete: 'cascade' }) }],
])('%s is read in canonical form: %p', (spec, expected) => {
  expect(parseFields([spec], 'book', refer)).toMatchObject([expected])
})

test.each(['enum(a,b)', 'enum(a, b)', 'enum(a|b)'])(
  'the values of %s are parted by commas, or by |',
  (type) => {
    const [field] = parseFields([`kind:${type}?:index`], 'book')
    expect(field).toMatchObject({ type: 'enum', values: ['a', 'b'], optional: true, indexed: true })
  },
)

describe('the lines of a slice', () => {
  const names = parseNames('book')
  const SLICES = [
    "const routed = app.route('/', pages({ config })).route('/api', account)",
    `const routed = app
    // One line per slice.
    .route('/', pages({ config }))
    .route('/api/things', things())`,
  ]
  test.each(SLICES)('stand in their order in app.ts, after the others: %s', (chain) => {
    const app = (slices: string, imported = '') => `import { account } from './account/routes.ts'
${imported}import { pages } from './kit/system/pages.tsx'
export function createApp() {
  ${slices}
  if (config.page) app.route('/api/page', page)

  return routed
}
`
    expect(addToApp(app(chain), names)).toBe(
      app(`${chain}\n    .route('/api/books', books)`, "import { books } from './books/routes.ts'\n"),
    )
  })

  test('are refused by an app.ts that has no place for them', () => {
    expect(() => addToApp('export const app = 1\n', names)).toThrow('nothing shows where')
  })
})

test('the purge stands in tasks.ts and crons.ts once, however many need it', () => {
  const tasks = addPurgeToTasks(
    "import { a } from './a.ts'\nexport const tasks = [\n  a,\n]\nexport const b = []\n",
  )
  expect(tasks).toBe(
    "import { a } from './a.ts'\nimport { purgeDeleted } from './kit/jobs/purge-deleted.ts'\n" +
      'export const tasks = [\n  a,\n  purgeDeleted,\n]\nexport const b = []\n',
  )
  expect(addPurgeToTasks(tasks)).toBe(tasks)
  const crons = addPurgeToCrons('export const crons = [a]\n')
  expect(crons).toContain("crons = [a,\n  defineCron({ name: 'purge-deleted'")
  expect(addPurgeToCrons(crons)).toBe(crons)
  expect(() => addPurgeToCrons('export const others = []\n')).toThrow('nothing shows where')
})

test('a factory stands behind those that are there, and is imported with what it needs', () => {
  const factory = (name: string) =>
    `\nexport const new${name} = defineFactory<typeof New${name}>((n) => ({ n }))\n`
  const type = (name: string) => `import type { New${name} } from '../src/${name}/routes.ts'\n`
  const [opening, define] = ['// Inputs.\n', "import { defineFactory } from './kit/support/factory.ts'\n"]
  const book = opening + define + type('Book') + factory('Book')
  expect(addToFactories('', book)).toBe(book)
  expect(addToFactories(opening, book)).toBe(
    `${opening}${define}${type('Book')}\n${factory('Book').trimStart()}`,
  )
  const film = opening + type('Film') + define + factory('Film')
  expect(addToFactories(film, book)).toBe(
    opening + type('Film') + define + type('Book') + factory('Film') + factory('Book'),
  )
})

describe('in a checkout', () => {
  // Names that no fork will have taken.
  let checkout: Checkout
  beforeAll(() => {
    checkout = copyCheckout()
  })
  beforeEach(() => checkout.restore())
  afterAll(() => checkout.remove())

  async function routesOf(base: string) {
    const { out: json } = await checkout.run('routes', ['--json'])
    const routes = JSON.parse(json) as { method: string; path: string; role: string | null }[]
    const ours = routes.filter(({ path }) => path.startsWith(base))
    return ours.map(({ method, path, role }) => `${method} ${path} ${role}`)
  }

  test.each([
    ['person', 'users', 'src/account/table.ts has a table or type "users"'],
    ['error', 'errors', 'generated code uses itself'],
    ['task', 'tasks', 'src/tasks.ts is there already'],
    ['account', 'accounts', 'test/accounts.test.ts is there already'],
    ['sign', 'pages', 'src/app.ts has something called "pages"'],
    ['role', 'user-role', 'has a table or type "user_role"'],
    ['door', 'login', 'there is a route /api/login'],
    ['shelf', 'a'.repeat(40), 'longer than the 63 characters'],
  ])('a %s among %s is refused, and nothing is written: %s', async (name, plural, why) => {
    const fields = [`${'f'.repeat(20)}:string:unique`]
    const { code, said } = await checkout.run('new', [name, ...fields, '--plural', plural])
    expect(code).not.toBe(0)
    expect(said).toContain(why)
    expect(checkout.changes()).toBe('')
  })

  test('called wrongly, it says so and writes nothing; asked with nothing, it shows its usage with every type', async () => {
    for (const args of [
      ['Book', 'title:string'],
      ['book'],
      ['book', 'title:strin'],
      ['book', 'title:string', '--nonsense'],
      ['book', 'title:string', '--on-delete', 'restrict'],
      ['book', 'title:string', '--role', 'edtor'],
      ['book', 'title:string', '--under', 'shelf'],
      ['book', 'title:string', '--own-list'],
      ['book', 'title:string', '--on-parent-delete', 'restrict'],
      ['book', 'title:string', '--on-parent-delete', 'set-null'],
    ]) {
      const { code, err } = await checkout.run('new', args)
      expect([args, code, err]).toEqual([args, 2, expect.stringContaining('\nHow it is called: npm run new')])
    }
    const { code, err } = await checkout.run('new', [])
    expect(code).toBe(2)
    for (const word of ['Usage: npm run new', 'timestamp', 'enum(a,b)']) expect(err).toContain(word)
    expect(checkout.changes()).toBe('')
  })

  test('a resource is there with its routes, roles, test and migration, and what was written is said', async () => {
    const { code, out } = await checkout.run('new', ['xylophone', 'title:string', 'year:int?'])
    expect(code).toBe(0)
    const table = checkout.read('src/xylophones/table.ts')
    expect(table).toContain("onDelete: 'cascade'")
    expect(table.split('\n')[1]).toBe("// npm run new -- xylophone title:string 'year:int?'")
    const written = checkout.changes().split('\n')
    for (const path of ['src/xylophones/table.ts', 'src/app.ts', 'test/xylophones.test.ts'])
      expect(out).toContain(path)
    // A folder, a line in app.ts, a factory, a test, a migration with drizzle-kit's notes: nothing else of yours is touched.
    const others = written.filter((line) => !/ (src\/xylophones|drizzle)\//.test(line))
    expect(others.map((line) => line.slice(3)).toSorted()).toEqual([
      'src/app.ts',
      'test/factories.ts',
      'test/xylophones.test.ts',
    ])
    expect(written.filter((line) => /drizzle\/\d{4}_xylophones\.sql$/.test(line))).toHaveLength(1)

    expect(await routesOf('/api/xylophones')).toEqual([
      'GET /api/xylophones readonly',
      'GET /api/xylophones/:id readonly',
      'POST /api/xylophones editor',
      'PUT /api/xylophones/:id editor',
      'PATCH /api/xylophones/:id editor',
      'DELETE /api/xylophones/:id editor',
    ])

    const again = await checkout.run('new', ['xylophone', 'title:string'])
    expect(again.code).toBe(1)
    expect(again.err).toContain('src/xylophones is there already')
  })

  test('a resource is shared, open to visitors and written by a role if its flags say so, and its rows stay', async () => {
    const flags = ['--shared', '--public-read', '--role', 'admin']
    expect((await checkout.run('new', ['lute', 'name:string:index', ...flags])).code).toBe(0)
    const [migration = ''] = checkout.git('ls-files', '--others', 'drizzle/*_lutes.sql').split('\n')
    expect(checkout.read(migration)).toContain('ON DELETE set null')
    expect(await routesOf('/api/lutes')).toEqual([
      'GET /api/lutes null',
      'GET /api/lutes/:id null',
      'POST /api/lutes admin',
      'PUT /api/lutes/:id admin',
      'PATCH /api/lutes/:id admin',
      'DELETE /api/lutes/:id admin',
    ])
  })

  test('a resource stands under another one that finds its rows by a scope, and goes with it', async () => {
    expect((await checkout.run('new', ['lute', 'name:string', '--shared'])).code).toBe(0)
    expect((await checkout.run('new', ['fret', 'gauge:int', '--under', 'lute'])).code).toBe(0)
    const [migration = ''] = checkout.git('ls-files', '--others', 'drizzle/*_frets.sql').split('\n')
    expect(checkout.read(migration)).toContain('REFERENCES "public"."lutes"("id") ON DELETE cascade')
    expect(await routesOf('/api/lutes/:lute/')).toContain('POST /api/lutes/:lute/frets editor')
    const viola = 'export async function findViola(db: Db, id: number) {}'
    await Bun.write(join(checkout.root, 'src/violas/queries.ts'), viola)
    for (const [parent, why] of [
      ['violin', 'has a findViolin(scope: Scope, id)'],
      ['lutes', 'name one, lute'],
      ['viola', 'findViola in src/violas/queries.ts takes no Scope first'],
      ['fret', 'stands under something itself'],
      ['page', 'has "page" for something else'],
      ['lute(', 'is no name'],
    ] as const) {
      const { code, err } = await checkout.run('new', ['knot', 'name:string', '--under', parent])
      expect([code, err]).toEqual([2, expect.stringContaining(why)])
    }
    for (const [name, table] of [
      ['oud', 'new SoftDelete(ouds, { days: 30 })'],
      ['shawm', "creator: uuid().references(() => users.id, { onDelete: 'cascade' })"],
    ] as const) {
      const find = `find${name.charAt(0).toUpperCase()}${name.slice(1)}`
      const queries = viola.replace('findViola(db: Db', `${find}(scope: Scope`)
      await Bun.write(join(checkout.root, `src/${name}s/queries.ts`), queries)
      await Bun.write(join(checkout.root, `src/${name}s/table.ts`), table)
    }
    const restrict = ['--on-parent-delete', 'restrict']
    for (const [parent, why] of [
      ['shawm', 'shawms go with the account that they belong to'],
      ['oud', 'ouds that are deleted are there until they are purged'],
    ] as const) {
      const { code, err } = await checkout.run('new', ['knot', 'name:string', '--under', parent, ...restrict])
      expect([code, err]).toEqual([2, expect.stringContaining(why)])
    }
    const before = checkout.changes()
    for (const [field, why] of [
      ['deleted:bool', '"deleted" is the column of --soft-delete'],
      ['lute:int', '"lute" is the field of what'],
      ['lute_creator:int:index', 'a second index "pegs_lute_creator_id"'],
    ] as const) {
      const { code, err } = await checkout.run('new', ['peg', field, '--under', 'lute', '--soft-delete'])
      expect([code, err]).toEqual([1, expect.stringContaining(why)])
    }
    expect(checkout.changes()).toBe(before)
  })

  test('a resource of every type, plain, indexed and unique, has no answer that it does not declare: no 5xx whatever is sent', async () => {
    const types =
      'string text int number decimal(10,2) bool date timestamp time uuid email url enum(a,b) string[] json'.split(
        ' ',
      )
    const word = (type: string) => type.replace(/\W.*/, type.includes('[') ? 's' : '')
    const index = (type: string) => (['text', 'url', 'json'].includes(type) ? '' : ':index')
    const plain = types.map((type) => `some_${word(type)}:${type}${index(type)}`)
    const optional = types.map((type) => `maybe_${word(type)}:${type}?${index(type)}`)
    const unique = types
      .filter((type) => !/^(text|bool|enum|string\[\]|json|decimal)/.test(type)) // few decimals are drawn
      .map((type) => `one_${word(type)}:${type}:unique`)
    const rest = ['strings:int:min(1):max(99):default(30)', 'player:account(cascade)']
    const rules = [
      'unique(some_enum,one_int)',
      'check(some_number != maybe_number)',
      'exclude(some_int..maybe_int)',
    ]
    const all = [...plain, ...optional, ...unique, ...rest, ...rules, '--bulk', '--soft-delete']
    expect(await checkout.run('new', ['zither', ...all])).toMatchObject({ code: 0 })
    expect(await routesOf('/api/zithers')).toEqual(
      expect.arrayContaining(['PATCH /api/zithers editor', 'POST /api/zithers/:id/restore editor']),
    )
    for (const file of ['tasks', 'crons'])
      expect(checkout.read(`src/${file}.ts`).match(/purgeDeleted,\n|task: purgeDeleted/g)).toHaveLength(1)
    const once = { PROPERTY_PATH: '/api/zithers', PROPERTY_SEED: '1', PROPERTY_RUNS: '150', TEST_RUN: '' }
    const tests = ['test/property.test.ts', 'test/lists.test.ts']
    const { code, said } = await checkout.run('test', tests, once)
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining(' 0 fail') })
  })

  test('a table and columns of words that SQL and TypeScript reserve pass the test that they get', async () => {
    const fields = 'from:string to:string user:string desc:text? class:date:unique table:enum(select|case)'
    const made = await checkout.run('new', ['purchase', ...fields.split(' '), '--plural', 'order'])
    expect(made).toMatchObject({ code: 0 })
    const { code, said } = await checkout.run('test', ['test/order.test.ts'])
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining(' 0 fail') })
  })

  test('a table with changes that no migration has is told, before it would get into that of another', async () => {
    const table = checkout.read('src/account/table.ts')
    await Bun.write(
      `${checkout.root}/src/account/table.ts`,
      table.replace('company: text(),', 'company: text(), zither: text(),'),
    )
    const before = checkout.changes()
    const { code, err } = await checkout.run('new', ['yodeller', 'name:string'])
    expect(code).toBe(1)
    expect(err).toContain('ALTER TABLE "users" ADD COLUMN "zither" text')
    expect(checkout.changes()).toBe(before)
  })
})
