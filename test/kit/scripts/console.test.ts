// `npm run console`: what is piped in runs with everything at hand, and ends as it should.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { complete } from '../../../scripts/console/complete.ts'
import { evaluate, Unfinished } from '../../../scripts/console/evaluate.ts'
import { createQueueAdmin } from '../../../src/kit/jobs/queue-admin.ts'
import { runCommand } from '../support/command.ts'
import { startApp, type TestApp } from '../../support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const run = (input: string, args: string[] = []) => runCommand('console', args, app.config, {}, input)

test('a script awaits, declares with types, and its last value is printed', async () => {
  const { user } = await app.member()
  const script = `const id: string = '${user.id}'
const found = await queries.account.findUser(db, id)
found.email`
  expect(await run(script)).toEqual({ code: 0, out: `${user.email}\n`, err: '' })
})

test('tables, SQL, the store, sessions and settings are at hand', async () => {
  await app.deps.store.set('greeting', 'hello')
  const script = `import { count } from 'drizzle-orm'
const [row] = await db.select({ n: count() }).from(tables.users).where(sql\`email is not null\`)
const pong = await redis.ping()
[typeof row.n, pong, await store.get('greeting'), typeof sessions.create, config.redisPrefix]`
  const { out, err } = await run(script.replace('\n[', '\n;['))
  expect(err).toBe('')
  for (const part of ['number', 'PONG', 'hello', 'function', app.config.redisPrefix])
    expect(out).toContain(part)
})

test('a task is enqueued by its name', async () => {
  const redis = new Redis(app.config.redisUrl)
  try {
    const queueAdmin = createQueueAdmin({ redis, prefix: app.config.redisPrefix })
    const { waiting: before } = await queueAdmin.stats()
    const { code, err } = await run(`await enqueue(tasks.sendWelcome, { userId: crypto.randomUUID() })`)
    expect([code, err]).toEqual([0, ''])
    expect((await queueAdmin.stats()).waiting).toBe(before + 1)
  } finally {
    redis.disconnect()
  }
})

test('what goes wrong is said, and the exit code is 1', async () => {
  expect(await run(`throw new Error('boom')`)).toEqual({ code: 1, out: '', err: 'boom\n' })
  expect(await run('const x = {')).toMatchObject({ code: 1, out: '' })
  expect(await run('', ['--nonsense'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('How it is called: npm run console'),
  })
})

test('rows of plain SQL are printed without what the driver keeps beside them', async () => {
  const { out } = await run(`await db.execute("select 'Ann' as name")`)
  expect(out.replaceAll(/\s/g, '')).toBe('[{name:"Ann",}]')
})

test('Tab offers what a path may go on with, and leaves the rest of the line', () => {
  Object.assign(globalThis, { cupboard: { cup: 1, cutlery: { fork: 2 }, 'not a name': 3 } })
  try {
    expect(complete('await cupbo')).toEqual([['cupboard'], 'cupbo'])
    expect(complete('await cupboard.cu')).toEqual([['cupboard.cup', 'cupboard.cutlery'], 'cupboard.cu'])
    expect(complete('cupboard.cutlery.')).toEqual([['cupboard.cutlery.fork'], 'cupboard.cutlery.'])
    expect(complete('cupboard.none.x')).toEqual([[], 'cupboard.none.x'])
  } finally {
    Reflect.deleteProperty(globalThis, 'cupboard')
  }
})

test('an input that is not whole waits for more lines, one that is wrong does not', async () => {
  await expect(evaluate('const x = {')).rejects.toThrow(Unfinished)
  await expect(evaluate('if (true) {')).rejects.toThrow(Unfinished)
  await expect(evaluate('const = 3')).rejects.toThrow(SyntaxError)
})

test('an error tells where the input went wrong, and nothing of the console', async () => {
  const error: unknown = await evaluate('nobody.there').catch((thrown: unknown) => thrown)
  expect((error as Error).stack).toStartWith('ReferenceError: nobody is not defined')
  expect((error as Error).stack).not.toContain('evaluate')
})
