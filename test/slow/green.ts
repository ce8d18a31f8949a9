// A checkout in which the check passes, and every test that a command which changes a checkout could break.
import { expect } from 'bun:test'
import type { Checkout } from '../kit/support/checkout.ts'

/** For a test that runs most of the suite of a checkout, on a machine that is busy. */
export const SLOW_MS = 20 * 60_000

/** Tests that go by what the whole project has. */
export const ASK_WHAT_THERE_IS = [
  'test/property.test.ts',
  'test/settings.test.ts',
  ...['asvs', 'doctor', 'pages', 'remove'].map((name) => `test/kit/scripts/${name}.test.ts`),
]

/**
 * The long ones, about processes, queues, stores and encrypted links: they bring what they run, and know no
 * resource and no name. The check still compiles them, and `npm test` runs them here.
 */
const UNTOUCHED = ['**/jobs/**', '**/supervisor*', '**/session-*', '**/services-away*', '**/tls*']

/**
 * Runs both on the services of this run; a failure shows what they printed.
 * @param files of tests, those that the change can break; all of them otherwise
 */
export async function expectGreen(checkout: Checkout, files: string[] = []): Promise<void> {
  const check = await checkout.run('check')
  expect(check.code === 0 ? '' : check.said).toBe('')
  const left = UNTOUCHED.map((pattern) => `--path-ignore-patterns=${pattern}`)
  const tests = await checkout.run('test', files.length > 0 ? files : left)
  expect(tests.code === 0 ? '' : tests.said).toBe('')
}
