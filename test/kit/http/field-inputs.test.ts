// Inputs of fields: what each takes and in which form it goes on, what it refuses and in which words.
import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { z } from 'zod'
import {
  decimal,
  emailAddress,
  httpUrl,
  isoDate,
  isoTimestamp,
  rowId,
  wallClock,
} from '../../../src/kit/http/field-inputs.ts'
import { inWords } from '../../../src/kit/http/input-words.ts'
import { jsonValue } from '../../../src/kit/http/json-input.ts'
import { findUnboundedPatterns } from '../support/patterns.ts'

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
const NOT_A_PRICE = 'with at most 8 digits before the point and at most 2 behind it: "12.50"'
const NO_URL = 'must be a URL that begins with https:// or http://'
const PRICE = decimal(10, 2)
const CHEAP = decimal(10, 2, { min: '-1.00', max: '10.00' })
const SHOP_HOURS = wallClock({ min: '08:00:00', max: '18:00:00' })

test.each<[z.ZodType, unknown, unknown]>([
  [PRICE, '0', '0'],
  [PRICE, '-12345678.50', '-12345678.50'],
  [CHEAP, '9', '9'], // by letters it is more than 10
  [CHEAP, '10.0', '10.0'],
  [CHEAP, '-0.99', '-0.99'],
  [decimal(3, 3), '-0.999', '-0.999'],
  [decimal(3, 0), '999', '999'],
  [isoDate({ min: '2026-01-01' }), '2026-01-01', '2026-01-01'],
  [
    isoTimestamp({ max: '2026-01-01T00:00:00.000Z' }),
    '2026-01-01T05:00:00+05:00',
    new Date('2026-01-01T00:00:00Z'),
  ],
  [SHOP_HOURS, '08:00', '08:00'],
  [SHOP_HOURS, '18:00:00', '18:00:00'],
  [wallClock(), '23:59:59', '23:59:59'],
  [emailAddress(), 'Ann@Example.COM', 'ann@example.com'],
  [httpUrl(), 'HTTPS://Example.com', 'https://example.com/'],
  [httpUrl(), 'http://[::1]:8080/a?b#c', 'http://[::1]:8080/a?b#c'],
  [rowId(), '2147483647', 2_147_483_647],
  [jsonValue(), { a: [null, 1.5, 'x'] }, { a: [null, 1.5, 'x'] }],
  [jsonValue(), false, false],
  [jsonValue(), nested(20), nested(20)],
])('%# is taken: %2$p', (schema, input, output) => {
  expect(schema.parse(input)).toEqual(output)
})

test.each<[z.ZodType, unknown, string]>([
  ...['007', '1e3', '.5', '5.', '+1', ' 1', '', '1.234', '123456789', '٣', 12.5, null].map(
    (input): [z.ZodType, unknown, string] => [PRICE, input, NOT_A_PRICE],
  ),
  [PRICE, undefined, 'is required'],
  [CHEAP, '10.01', 'must be at most 10.00'],
  [CHEAP, '-1.01', 'must be at least -1.00'],
  [isoDate({ min: '2026-01-01' }), '2025-12-31', 'must be at least 2026-01-01'],
  [isoDate(), '2026-02-30', 'must be a date'],
  [
    isoTimestamp({ min: '2026-01-01T00:00:00.000Z' }),
    '2026-01-01T00:00:00+00:01',
    'must be at least 2026-01-01T00:00:00.000Z',
  ],
  ...['24:00', '8:00', '18:30:60', '18:30Z', '18', '18:30:00.5'].map(
    (input): [z.ZodType, unknown, string] => [wallClock(), input, 'must be a time of day: 18:30 or 18:30:00'],
  ),
  [SHOP_HOURS, '18:00:01', 'must be at most 18:00:00'],
  [SHOP_HOURS, '07:59', 'must be at least 08:00:00'],
  [emailAddress(), 'nobody', 'must be an email address'],
  [emailAddress(), `${'a'.repeat(250)}@x.de`, 'must have at most 254 characters'],
  ...[
    'javascript:alert(1)',
    'ftp://x.de',
    '//x.de',
    'https://',
    'https://u:p@x.de',
    'https:\\\\x.de',
    'https://x y',
    'https://x\n.de',
    ' https://x.de',
    'http://x:99999',
  ].map((input): [z.ZodType, unknown, string] => [httpUrl(), input, NO_URL]),
  [httpUrl(), `https://x.de/${'a'.repeat(2000)}`, 'must have at most 2000 characters'],
  [httpUrl(), `https://x.de/${'ä'.repeat(900)}`, 'must have at most 2000 characters, percent-encoded'],
  ...['0', '-1', '2147483648', '99999999999', 'a', '1.5'].map((input): [z.ZodType, unknown, string] => [
    rowId(),
    input,
    'must be an id: "7"',
  ]),
  [jsonValue(), null, 'must not be null'],
  [jsonValue(), undefined, 'is required'],
  [jsonValue(), '\0', 'must not contain a NUL character'],
  [jsonValue(), [{ '\0': 1 }], 'must not contain a NUL character'],
  [jsonValue(), { a: '\ud800' }, 'must be well-formed Unicode'],
  [jsonValue(), [Infinity], 'must hold no number that is too large'],
  [jsonValue(), nested(21), 'must have at most 20 levels'],
  [jsonValue(), nested(5000), 'must have at most 20 levels'],
  [jsonValue(), 'x'.repeat(16_383), 'must have at most 16384 bytes'],
  [jsonValue(), Array(60).fill(1e-300), 'must have at most 16384 bytes'],
])('%# is refused, %2$s', (schema, input, message) => {
  const { error } = schema.safeParse(input, { error: inWords('json') })
  expect(error?.issues.map((issue) => issue.message)).toEqual([expect.stringContaining(message)])
})

test('a decimal number keeps its bounds by value, however it is written', () => {
  const cents = fc.integer({ min: -99_999, max: 99_999 })
  const write = (value: number, places: number) => (value / 100).toFixed(places)
  fc.assert(
    fc.property(cents, cents, cents, (value, a, b) => {
      const [min, max] = [Math.min(a, b), Math.max(a, b)]
      const schema = decimal(5, 2, { min: write(min, 2), max: write(max, 2) })
      for (const places of value % 100 === 0 ? [0, 1, 2] : value % 10 === 0 ? [1, 2] : [2])
        expect(schema.safeParse(write(value, places)).success).toBe(min <= value && value <= max)
    }),
  )
})

test('each is described to clients, and no text is looked at further than its length allows', () => {
  const all = z.object({
    price: CHEAP,
    day: isoDate(),
    moment: isoTimestamp(),
    time: wallClock(),
    mail: emailAddress(),
    site: httpUrl(),
    court: rowId(),
    more: jsonValue(),
  })
  expect(findUnboundedPatterns(all)).toEqual([])
  expect(z.toJSONSchema(all, { io: 'input', unrepresentable: 'any' }).properties).toMatchObject({
    price: { type: 'string', description: 'Is at least -1.00, at most 10.00.', examples: ['12.50'] },
    day: { format: 'date' },
    moment: { format: 'date-time' },
    time: { type: 'string', examples: ['18:30:00'] },
    mail: { format: 'email' },
    site: { format: 'uri' },
    court: { type: 'string', examples: ['7'] },
    more: { description: 'Any JSON.' },
  })
})
