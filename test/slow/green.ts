// A checkout in which the check passes, and every test that a command which changes a checkout could break.
import { expect } from 'bun:test'
import type { Checkout } from '../kit/support/checkout.ts'

/** For a test that runs most of the suite of a checkout, on a machine that is busy. */
export const SLOW_MS = 20 * 60_000

/**
 * The long ones, about processes, queues, stores and encrypted links: they bring what they run, and know no
 * resource and no name. The check still compiles them, and `npm test` runs them here.
 */
const UNTOUCHED = ['test/kit/jobs/**', 'test/kit/process/**', 'test/kit/data/**', 'test/kit/log/**']

/** Runs both on the services of this run; a failure shows what they printed. */
export async function expectGreen(checkout: Checkout): Promise<void> {
  const check = await checkout.run('check')
  expect(check.code === 0 ? '' : check.said).toBe('')
  const tests = await checkout.run(
    'test',
    UNTOUCHED.map((pattern) => `--path-ignore-patterns=${pattern}`),
  )
  expect(tests.code === 0 ? '' : tests.said).toBe('')
}
