// `npm run remove -- sample` and its table: dropped by a migration, or as if it had never been.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import postgres from 'postgres'
import { cloneCheckout, type Checkout } from '../../kit/support/checkout.ts'
import { createEmptyDatabase } from '../../kit/support/services.ts'
import { expectGreen, SLOW_MS } from '../green.ts'

let checkout: Checkout
beforeEach(() => {
  checkout = cloneCheckout()
}, SLOW_MS)
afterEach(() => checkout.remove(), SLOW_MS)

/** The tables that the checkout's migrations make and leave, on a database that the sample's were applied to or not. */
async function tablesAfter(before?: () => Promise<unknown>): Promise<string[]> {
  const database = await createEmptyDatabase()
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  const env = { DATABASE_URL: database.url, MIGRATE_DATABASE_URL: '' }
  try {
    if (before) {
      expect(await checkout.run('migrate', [], env)).toMatchObject({ code: 0 })
      await before()
    }
    expect(await checkout.run('migrate', [], env)).toMatchObject({ code: 0 })
    const rows = await sql<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
    return rows.map(({ name }) => name)
  } finally {
    await sql.end()
    await database.drop()
  }
}

async function remove(...args: string[]): Promise<void> {
  const { code, said } = await checkout.run('remove', ['sample', ...args])
  expect({ code, said }).toMatchObject({ code: 0 })
  expect([...new Bun.Glob('{src,test,scripts}/**/*movie*').scanSync(checkout.root)]).toEqual([])
}

test(
  'a database that has the table loses it by a migration',
  async () => {
    const others = (await tablesAfter()).filter((name) => name !== 'movies')
    expect(await tablesAfter(() => remove())).toEqual(others)
  },
  SLOW_MS,
)

test(
  'before the first deploy the migration goes too, even from below later ones',
  async () => {
    expect(await checkout.run('new', ['book', 'title:string'])).toMatchObject({ code: 0 })
    checkout.commit('books')
    const tables = await tablesAfter()
    await remove('--undeployed')
    expect([...new Bun.Glob('drizzle/*movie*').scanSync(checkout.root)]).toEqual([])
    expect(await tablesAfter()).toEqual(tables.filter((name) => name !== 'movies'))
    const again = await checkout.run('new', ['author', 'name:string'])
    expect(again).toMatchObject({ code: 0 })
    await expectGreen(checkout)
  },
  SLOW_MS,
)
