// The template of `npm run new` as it stands: its own test, and how its inputs are read.
import { expect, test } from 'bun:test'
import type { z } from 'zod'
import { toyCars } from '../../../scripts/new/template/routes.ts'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { findUnboundedPatterns } from '../support/patterns.ts'

await import('../../../scripts/new/template/routes.test.ts')

const routes = describeRoutes(toyCars)

test.each([
  ['2026-01-31T12:00:00Z', true],
  ['2026-01-31T12:00:00+05:30', true],
  ['1000-01-01T00:00:00Z', true],
  ['9999-12-31T23:59:59Z', true],
  ['1000-01-01T00:00:00+00:01', false], // in UTC it is still the year 999
  ['0999-12-31T23:59:00-00:01', true],
  ['9999-12-31T23:59:59-00:01', false], // and the year 10000
  ['0000-01-01T00:00:00Z', false],
  ['0001-01-01T00:00:00+14:00', false],
])('a moment counts by its year after the offset: %s %p', (moment, isTaken) => {
  const body = routes.find(({ method }) => method === 'POST')?.inputs[0]?.schema as z.ZodObject
  expect((body.shape.$timestamp as z.ZodType).safeParse(moment).success).toBe(isTaken)
})

test('no text is looked at further than its length allows', () => {
  const inputs = routes.flatMap((route) => route.inputs)
  expect(inputs.length).toBeGreaterThan(5)
  expect(inputs.flatMap(({ schema }) => findUnboundedPatterns(schema))).toEqual([])
})
