// `npm run new -- field`: a resource gets fields later, and what its owner has changed meanwhile stays.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { copyCheckout, type Checkout } from '../support/checkout.ts'

const PRICE = 'price:decimal(10,2):min(0):default(1)'

const FIELDS = [
  'title:string',
  'note:text?',
  PRICE,
  'genre:enum(a,b)?:index',
  'year:int?',
  'unique(title,year)',
]

let checkout: Checkout
beforeAll(async () => {
  checkout = copyCheckout()
  expect(await checkout.run('new', ['xylophone', ...FIELDS, '--shared'])).toMatchObject({ code: 0 })
  checkout.commit('xylophones')
  checkout.keep()
})
beforeEach(() => checkout.restore())
afterAll(() => checkout.remove())

async function change(path: string, from: string, to: string): Promise<void> {
  const text = checkout.read(path)
  expect(text).toContain(from)
  await Bun.write(join(checkout.root, path), text.replace(from, to))
}

const migrations = () => checkout.git('ls-files', '--others', 'drizzle/*.sql').split('\n').filter(Boolean)

test('a resource that got its fields later is the same, file by file, as if it had been made with all of them', async () => {
  const slice = ['table', 'queries', 'routes'].map((file) => `src/zithers/${file}.ts`)
  const all = () => [...slice, 'test/zithers.test.ts', 'test/factories.ts'].map(checkout.read)
  const [first, later] = [['title:string'], ['note:text?', PRICE, 'genre:enum(a,b)?:index']]
  expect(await checkout.run('new', ['zither', ...first, ...later, '--shared'])).toMatchObject({ code: 0 })
  const atOnce = all()
  checkout.restore()

  expect(await checkout.run('new', ['zither', ...first, '--shared'])).toMatchObject({ code: 0 })
  checkout.commit('zithers')
  const { code, said } = await checkout.run('new', ['field', 'zithers', ...later])
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('npm run migrate') })
  expect(all()).toEqual(atOnce)
  const [columns = '', indexes = '', ...others] = migrations()
  expect(others).toEqual([])
  expect(columns).toMatch(/_zithers_note_price_genre\.sql$/)
  expect(checkout.read(columns)).toContain('ADD COLUMN "note" text')
  expect(checkout.read(indexes)).toStartWith('-- concurrently\n')
})

test('what was changed by hand stays, and a file that was changed at the same place is left, with its patch', async () => {
  await change('src/xylophones/queries.ts', 'const byId', '/** By hand. */\nconst byId')
  await change('src/xylophones/routes.ts', 'z.string().max(50_000).nullish()', 'z.string().max(9).nullish()')
  await change('test/factories.ts', 'export const newXylophone', '/** By hand. */\nexport const newXylophone')
  checkout.commit('by hand')
  const routes = checkout.read('src/xylophones/routes.ts')
  // Behind the line that was changed: the field is new at the same place.
  await change('src/xylophones/routes.ts', 'year: z.int32().nullish(),', 'year: z.int32().max(9).nullish(),')
  const changed = checkout.read('src/xylophones/routes.ts')
  expect(changed).not.toBe(routes)
  checkout.commit('by hand again')

  const { code, out, err } = await checkout.run('new', ['field', 'xylophone', 'bars:int?'])
  expect([code, err]).toEqual([1, expect.stringContaining('still to be made: src/xylophones/routes.ts')])
  expect(checkout.read('src/xylophones/routes.ts')).toBe(changed)
  expect(out).toMatch(
    /^\+\+\+ b\/src\/xylophones\/routes\.ts\n@@[^]*^\+ {2}bars: z\.int32\(\)\.nullish\(\),$/m,
  )
  expect(checkout.read('src/xylophones/queries.ts')).toContain('/** By hand. */\nconst byId')
  expect(checkout.read('test/factories.ts')).toMatch(/By hand[^]*newXylophone[^]*\bbars: /)
  const table = checkout.read('src/xylophones/table.ts')
  expect(table).toContain('bars: integer(),')
  expect(table.split('\n')[1]).toEndWith(
    `'note:text?' '${PRICE}' 'genre:enum(a,b)?:index' 'year:int?' 'unique(title,year)' 'bars:int?' --shared`,
  )
  expect(migrations()).toHaveLength(1)
})

test('a rule over several fields is added in the same way, and holds of new rows before it does of all', async () => {
  const { code, said } = await checkout.run('new', ['field', 'xylophones', 'unique(title,genre)'])
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('_xylophones_rules_finish.sql') })
  expect(checkout.read('src/xylophones/table.ts')).toMatch(
    /^\/\/ npm run new .*'unique\(title,genre\)' --shared$/m,
  )
  const [, last = ''] = migrations()
  expect(checkout.read(last)).toContain('UNIQUE USING INDEX')
})

test('while the table itself waits for its patch there is no migration', async () => {
  await change('src/xylophones/table.ts', 'year: integer(),', 'year: integer(), // by hand')
  checkout.commit('by hand')
  const { code, out, err } = await checkout.run('new', ['field', 'xylophones', 'bars:int?'])
  expect([code, err]).toEqual([1, expect.stringContaining('then npm run generate -- --name what')])
  expect(out).toMatch(/^\+ {4}bars: integer\(\),$/m)
  expect(out).toMatch(/^\+\/\/ npm run new -- .*'bars:int\?' --shared$/m)
  expect(migrations()).toEqual([])
})

test('what cannot be added is refused with what to do, and nothing is written', async () => {
  for (const [resource, spec, code, why] of [
    ['xylophone', 'note:string?', 2, '"note:string?": xylophones have that already. To change it, edit src/'],
    ['xylophone', 'unique(title,year)', 2, '"unique(title,year)": xylophones have that already'],
    ['xylophones', 'created:date?', 2, 'is there already: every resource has it'],
    ['xylophones', 'size:strin?', 2, 'did you mean string?'],
    ['xylophons', 'size:int?', 2, 'did you mean xylophones?'],
    ['xylophones', 'size:int', 1, 'have no "size", and older processes write none'],
    ['account', 'size:int?', 1, 'src/account/table.ts does not say how it was made'],
  ] as const) {
    const said = await checkout.run('new', ['field', resource, spec])
    expect([spec, said.code, said.err]).toEqual([spec, code, expect.stringContaining(why)])
  }
  expect((await checkout.run('new', ['field', 'xylophones'])).err).toContain('Which field?')
  expect(checkout.changes()).toBe('')

  await change('src/xylophones/table.ts', 'year: integer(),', 'year: integer(), strings: integer(),')
  const ungenerated = await checkout.run('new', ['field', 'xylophones', 'size:int?'])
  expect([ungenerated.code, ungenerated.err]).toEqual([1, expect.stringContaining('ADD COLUMN "strings"')])
})
