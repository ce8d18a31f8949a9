// The seed command: the sample's films, each once, with every letter in its place.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import postgres from 'postgres'
import { runCommand } from './kit/support/command.ts'
import { createDatabase, uniquePrefix } from './kit/support/services.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let sql: postgres.Sql

beforeEach(async () => {
  database = await createDatabase()
  sql = postgres(database.url, { max: 1, onnotice: () => {} })
})

afterEach(async () => {
  await sql.end()
  await database.drop()
})

const seed = (args: string[] = [], env: Record<string, string> = {}) =>
  runCommand('seed', args, { databaseUrl: database.url, redisPrefix: uniquePrefix() }, env)

async function count(): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from movies`
  return row?.n ?? 0
}

test('production is left alone without --yes', async () => {
  const refused = await seed([], { NODE_ENV: 'production', APP_URL: 'https://api.example.com' })
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--yes') })
  expect(await count()).toBe(0)
})

test('hundreds of films are loaded, each once, however often and at once it runs', async () => {
  const runs = await Promise.all([
    seed(),
    seed(['--yes'], { NODE_ENV: 'production', APP_URL: 'https://api.example.com' }),
  ])
  expect(runs.map((run) => run.code)).toEqual([0, 0])
  const total = await count()
  expect(total).toBeGreaterThanOrEqual(300)
  const added = runs.map((run) => Number(/(\d+) films added/.exec(run.out)?.[1]))
  expect(added.reduce((a, b) => a + b)).toBe(total)

  expect((await seed()).out).toContain(`0 films added, ${total} were there already`)
  expect(await count()).toBe(total)
  const [distinct] = await sql`select count(distinct (title, director))::int as n from movies`
  expect(distinct?.n).toBe(total)
})

test('titles keep the letters of their languages', async () => {
  await seed()
  for (const title of ['七人の侍', 'পথের পাঁচালী', 'Броненосец «Потёмкин»', 'À bout de souffle']) {
    const rows = await sql`select director from movies where title = ${title}`
    expect({ title, found: rows.length }).toEqual({ title, found: 1 })
  }
})

test('what is not a terminal gets plain lines', async () => {
  const { out } = await seed()
  expect(out).toMatch(/^(\d+ of \d+ films\n){4}\d+ films added/)
  // oxlint-disable-next-line no-control-regex
  expect(out).not.toMatch(/[\r\x1b]/)
})

test('a seed that is named goes in alone, and one that there is not is told with what there is', async () => {
  expect(await seed(['films'])).toMatchObject({ code: 0, out: expect.stringContaining(' films added') })
  expect(await seed(['flims'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('There is no seed "flims": did you mean films?'),
  })
})

test('called wrongly, it says so and exits with 2', async () => {
  expect(await seed(['--nonsense'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('How it is called: npm run seed'),
  })
})
