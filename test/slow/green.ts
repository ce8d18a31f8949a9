// A checkout in which the check and every test pass.
import { expect } from 'bun:test'
import type { Checkout } from '../support/checkout.ts'

/** For a test that runs the whole suite of a checkout, on a machine that is busy. */
export const SLOW_MS = 20 * 60_000

/** Runs both on the services of this run; a failure shows what they printed. */
export async function expectGreen(checkout: Checkout): Promise<void> {
  const check = await checkout.run('check')
  expect(check.code === 0 ? '' : check.said).toBe('')
  const tests = await checkout.run('test')
  expect(tests.code === 0 ? '' : tests.said).toBe('')
}
