// The hook for errors that nobody foresaw: what it is told, what it is never told, and that it can harm nothing.
import { DrizzleQueryError } from 'drizzle-orm'
import { expect, test } from 'bun:test'
import { createReport, type OnUnexpected } from '../../../src/kit/log/unexpected.ts'
import { recorder } from '../support/log.ts'

const config = { log: { redact: [] } }
const where = { in: 'process', role: 'server', what: 'uncaught' } as const

function reportTo(onUnexpected: OnUnexpected<typeof config> | undefined) {
  const { log, lines } = recorder()
  return { report: createReport({ onUnexpected, config, log }), lines }
}

test('it gets type, text, frames and cause of an error, and where it was', async () => {
  const told: unknown[][] = []
  const { report } = reportTo((...all) => void told.push(all))
  const thrown = new TypeError('no x', { cause: Object.assign(new Error('away'), { code: 'ECONNRESET' }) })
  await report(thrown, where)
  const [error, context, given] = told[0] as [Error & { cause: Error }, unknown, unknown]
  expect(error).toBeInstanceOf(Error)
  expect([error.name, error.message, error.stack]).toEqual(['TypeError', 'no x', thrown.stack])
  expect(error.cause).toMatchObject({ message: 'away', code: 'ECONNRESET' })
  expect([context, given]).toEqual([where, config])
})

test('it never gets a parameter of a statement, an email or what was thrown instead of an error', async () => {
  const told: Error[] = []
  const { report } = reportTo((error) => void told.push(error))
  const query = 'insert into users (email, password) values ($1, $2)'
  await report(new DrizzleQueryError(query, ['ann@example.com', 'hunter2'], new Error('refused')), where)
  await report(new Error('ann@example.com is taken'), where)
  await report({ password: 'hunter2' }, where)
  await report(undefined, where)
  const all = told.map((error) => JSON.stringify([error, error.message, error.stack, error.cause])).join()
  expect(told).toHaveLength(4)
  expect(all).not.toContain('hunter2')
  expect(all).not.toContain('ann@')
  expect(told[0]).toMatchObject({ message: 'Failed query', sql: query })
})

test('a hook that throws or rejects harms nothing, and is logged once', async () => {
  let calls = 0
  const { report, lines } = reportTo(() => {
    calls++
    if (calls % 2 === 0) throw new Error('broken')
    return Promise.reject(new Error('away'))
  })
  for (let i = 0; i < 6; i++) await report(new Error('x'), where)
  expect(calls).toBe(6)
  expect(lines.map(({ message }) => message)).toEqual(['onUnexpected failed; this is logged once'])
})

test('hooks that never settle are called a bounded number of times, and so is one in a flood', async () => {
  let calls = 0
  const stuck = reportTo(() => new Promise(() => void calls++))
  for (let i = 0; i < 1000; i++) void stuck.report(new Error('x'), where)
  expect(calls).toBe(20)
  expect(stuck.lines).toHaveLength(1)

  calls = 0
  const flooded = reportTo(() => void calls++)
  for (let i = 0; i < 1000; i++) await flooded.report(new Error('x'), where)
  expect(calls).toBe(100)
  expect(flooded.lines).toHaveLength(1)
})
