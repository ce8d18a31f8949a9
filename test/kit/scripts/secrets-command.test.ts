// `npm run secrets`: makes a key, and says what it has encrypted anew.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { runCommand } from '../support/command.ts'
import { createDatabase, uniquePrefix, type TestDatabase } from '../support/services.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

const secrets = (args: string[], env: Record<string, string> = {}) =>
  runCommand('secrets', args, { databaseUrl: database.url, redisPrefix: uniquePrefix() }, env)

test('key prints a key and nothing else, another one each time', async () => {
  const made = await Promise.all([secrets(['key']), secrets(['key'])])
  for (const { out, err, code } of made) {
    expect([out, err, code]).toEqual([expect.stringMatching(/^[\w-]{43}\n$/), '', 0])
  }
  expect(made[0]?.out).not.toBe(made[1]?.out)
})

test('rotate says of each column what it did', async () => {
  const SECRET_KEYS = (await secrets(['key'])).out.trim()
  const { out, code } = await secrets(['rotate'], { SECRET_KEYS })
  expect([out, code]).toEqual([expect.stringMatching(/^(No table|\w+\.\w+: 0 encrypted anew, 0 left)/), 0])
})

test.each([[[]], [['make']], [['key', 'please']]])('wrong usage is told: %p', async (args) => {
  expect(await secrets(args)).toMatchObject({
    out: '',
    err: expect.stringMatching(/^(Which|There is no|Unexpected) /),
    code: 2,
  })
})
