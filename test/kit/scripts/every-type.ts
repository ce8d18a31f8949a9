// A field of every type: what is sent for it, what is stored of that, and what is refused.
import * as fc from 'fast-check'

/** What is sent for a field, what is stored of it, and what is refused. */
export interface Field {
  spec: string
  sent: fc.Arbitrary<unknown>
  /** The canonical form. */
  stored?: (sent: never) => unknown
  refused: unknown[]
  /** What it is where nothing is sent; without it a field is required. */
  fallback?: unknown
}

const text = (minLength: number, maxLength: number) =>
  fc
    .string({ unit: 'grapheme', minLength, maxLength })
    .filter(({ length }) => length >= minLength && length <= maxLength)
const NO_TEXT = [5, true, ['a'], {}, 'a\0b', '\ud800']

/** Of the moments that are sent. */
const FIRST = Date.parse('2026-01-01T00:00:00Z')
const HOUR = 3_600_000
/** One moment in one of the forms that it has in ISO 8601. */
const moment = (ms: number) =>
  fc.constantFrom(
    new Date(ms).toISOString(),
    new Date(ms).toISOString().replace('.000Z', 'Z'),
    new Date(ms + 2 * HOUR).toISOString().replace('Z', '+02:00'),
  )
/** A start and an end, which may be wrong. */
export const span = fc
  .tuple(fc.noBias(fc.integer({ min: 0, max: 500 })), fc.constantFrom(1, 1, 1, 1, 2, 2, 3, 6, 0, -1))
  .chain(([at, hours]) =>
    fc.record({ starts: moment(FIRST + at * HOUR), ends: moment(FIRST + (at + hours) * HOUR) }),
  )
const hours = fc.noBias(fc.integer({ min: 0, max: 500 })).chain((at) => moment(FIRST + at * HOUR))
export const iso = (sent: string) => new Date(sent).toISOString()
const NO_MOMENT = ['yesterday', '2026-01-01', '2026-02-30T00:00:00Z', '0999-01-01T00:00:00Z', 5, null]
const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))

export const FIELDS: Record<string, Field> = {
  title: {
    spec: 'string:min(2):max(20)',
    sent: text(2, 20),
    refused: [...NO_TEXT, '', 'x', 'x'.repeat(21), null],
  },
  code: {
    spec: 'string?:unique',
    sent: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    refused: [...NO_TEXT, ''],
    fallback: null,
  },
  note: { spec: 'text?', sent: text(0, 60), refused: NO_TEXT, fallback: null },
  guests: {
    spec: 'int:min(1):max(8):default(2):index',
    sent: fc.integer({ min: 1, max: 8 }),
    refused: [0, 9, 1.5, '3', 2 ** 31, null],
    fallback: 2,
  },
  ratio: {
    spec: 'number?',
    sent: fc.double({ noNaN: true, noDefaultInfinity: true }),
    stored: (sent: number) => sent + 0, // which has one zero
    refused: ['1', true, []],
    fallback: null,
  },
  price: {
    spec: 'decimal(6,2):min(0):max(1000):default(9.5):index',
    sent: fc
      .integer({ min: 0, max: 1000 })
      .chain((tenths) => fc.constantFrom((tenths / 10).toFixed(2), String(tenths / 10), '-0')),
    stored: (sent: string) => Math.abs(Number(sent)).toFixed(2),
    refused: ['-0.01', '1000.01', '1.234', '1e2', '007', '', '12,5', 'NaN', 'Infinity', 12.5, null],
    fallback: '9.50',
  },
  paid: { spec: 'bool:default(false)', sent: fc.boolean(), refused: ['true', 1, null], fallback: false },
  day: {
    spec: 'date?:index',
    sent: fc
      .integer({ min: 0, max: 20 })
      .map((days) => new Date(FIRST + days * 24 * HOUR).toISOString().slice(0, 10)),
    refused: ['2026-02-30', '2026-13-01', '0999-12-31', '2026-01-01T00:00:00Z', '26-01-01', 20260101],
    fallback: null,
  },
  starts: { spec: 'timestamp:index', sent: hours, stored: iso, refused: NO_MOMENT },
  ends: { spec: 'timestamp', sent: hours, stored: iso, refused: NO_MOMENT },
  at: {
    spec: 'time?',
    sent: fc
      .tuple(two(23), two(59), fc.option(two(59), { nil: undefined }))
      .map((parts) => parts.filter(Boolean).join(':')),
    stored: (sent: string) => sent.padEnd(8, ':00'),
    refused: ['24:00', '18:60', '18', '18:30:60', '6:30', '18:30Z', 18],
    fallback: null,
  },
  ext: {
    spec: 'uuid?',
    sent: fc.uuid().chain((id) => fc.constantFrom(id, id.toUpperCase())),
    stored: (sent: string) => sent.toLowerCase(),
    refused: ['x', '123', '', 5],
    fallback: null,
  },
  mail: {
    spec: 'email?',
    sent: fc.stringMatching(/^[a-zA-Z0-9]{1,12}@[a-zA-Z]{1,12}\.[a-z]{2,5}$/),
    stored: (sent: string) => sent.toLowerCase(),
    refused: ['x', 'a@b', ' a@example.com', 'a@example.com\n', '', 5],
    fallback: null,
  },
  site: {
    spec: 'url?',
    sent: fc.webUrl({ withQueryParameters: true, withFragments: true }),
    stored: (sent: string) => new URL(sent).href,
    refused: [
      'javascript:alert(1)',
      'ftp://example.com',
      'https://a@example.com',
      'example.com',
      'https://',
      5,
    ],
    fallback: null,
  },
  extra: {
    spec: 'json?',
    sent: fc.jsonValue({ stringUnit: 'grapheme' }).filter((value) => value !== null),
    stored: (sent: unknown) => JSON.parse(JSON.stringify(sent)) as unknown,
    refused: [nested(30), { 'a\0': 1 }, 'x'.repeat(17_000), ['\ud800']],
    fallback: null,
  },
  tags: {
    spec: 'string[]:max(3):index',
    sent: fc.array(fc.oneof(fc.constant('red'), text(1, 8)), { maxLength: 3 }),
    refused: [['a', 'b', 'c', 'd'], [''], 'a', [1], [null], ['x'.repeat(101)], null],
  },
  surface: {
    spec: 'enum(clay,grass):default(clay):index',
    sent: fc.constantFrom('clay', 'grass'),
    refused: ['mud', '', 1, null],
    fallback: 'clay',
  },
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)]
}
