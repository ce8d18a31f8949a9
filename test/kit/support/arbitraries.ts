// What generated calls are made of: values that fit a schema, and values that no schema is ready for.
import type { Arbitrary } from 'fast-check'
import * as fc from 'fast-check'
import { z } from 'zod'

type JsonSchema = z.core.JSONSchema.BaseSchema

/** By the name of a field: values that mean something to the running app, such as ids that exist. */
export type Known = Record<string, readonly unknown[]>

/** Every nasty text holds it: an answer that has it too has echoed its input. */
export const MARK = 'mark-5f2c'

/** Values that a client may send for `schema`; fields that `known` names take their value from there. */
export function fromSchema(schema: z.ZodType, known: Known = {}): Arbitrary<unknown> {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return fitting(root, { known, defs: root.$defs ?? {} })
}

interface Scope {
  known: Known
  defs: Record<string, JsonSchema>
}

/** Covers the JSON Schema that zod makes of inputs; anything that it has no word for is any JSON. */
function fitting(schema: JsonSchema | boolean | undefined, scope: Scope): Arbitrary<unknown> {
  if (typeof schema !== 'object') return fc.jsonValue()
  const { $ref, const: constant, enum: values, anyOf, oneOf, type } = schema
  if ($ref !== undefined) return fitting(scope.defs[$ref.replace('#/$defs/', '')], scope)
  if (constant !== undefined) return fc.constant(constant)
  if (values !== undefined) return fc.constantFrom<unknown[]>(...values)
  const branches = anyOf ?? oneOf
  if (branches !== undefined) return fc.oneof(...branches.map((branch) => fitting(branch, scope)))
  if (Array.isArray(type)) {
    return fc.oneof(...(type as JsonSchema['type'][]).map((one) => fitting({ ...schema, type: one }, scope)))
  }
  switch (type) {
    case 'string':
      return text(schema)
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000 })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(fitting(Array.isArray(schema.items) ? undefined : schema.items, scope), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, 5),
      })
    case 'object':
      return object(schema, scope)
    default:
      return fc.jsonValue().filter((value) => value !== null)
  }
}

function object(schema: JsonSchema, scope: Scope): Arbitrary<unknown> {
  const fields = Object.entries(schema.properties ?? {}).map(([name, inner]) => {
    const values = scope.known[name]
    return [name, values ? fc.constantFrom(...values) : fitting(inner, scope)] as const
  })
  return fc.record(Object.fromEntries(fields), { requiredKeys: schema.required ?? [], noNullPrototype: true })
}

const dates = (min: string) =>
  fc.noBias(fc.date({ min: new Date(min), max: new Date('9999-12-31'), noInvalidDate: true }))

/** ISO 8601 with a year of four digits, rarely one that a resource may refuse for its age. */
const moment = fc
  .oneof({ weight: 9, arbitrary: dates('1000-01-02') }, { weight: 1, arbitrary: dates('0000-01-01') })
  .map((date) => date.toISOString())

/** Long enough for what is interesting in a text that is allowed. */
const MAX_TEXT = 40

function text({ format, pattern, allOf = [], minLength = 0, maxLength = MAX_TEXT }: JsonSchema) {
  const inner = allOf.map((part) => (typeof part === 'object' ? part.pattern : undefined))
  const patterns = [pattern, ...inner].filter((p) => p !== undefined).map((p) => new RegExp(p, 'u'))
  const lengths = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, MAX_TEXT)) }
  return drawn().filter(
    (s) => s.length <= maxLength && s.length >= minLength && patterns.every((p) => p.test(s)),
  )

  function drawn(): Arbitrary<string> {
    if (format === 'email') return fc.emailAddress()
    if (format === 'uuid') return fc.uuid()
    if (format === 'uri') return fc.webUrl()
    if (format === 'date-time') return moment
    if (format === 'date') return moment.map((iso) => iso.slice(0, 10))
    if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u'))
    // Rules such as "has a digit" are met soon enough by chance, from an alphabet of few letters.
    if (patterns.length > 0) return fc.string({ unit: fc.constantFrom('a', 'Z', '7', 'é', ' '), ...lengths })
    return fc.oneof(
      fc.string({ unit: 'grapheme', ...lengths }),
      fc.string({ unit: 'grapheme-ascii', ...lengths }),
    )
  }
}

const nested = (depth: number) => {
  let value: unknown = MARK
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { [MARK]: value }
  return value
}

const NASTY_ENDS = [
  ['', '\0', '\ud800', '\udfff\ud800', '\ufeff', '\u202e', '%', '\\', '<script>', '${7*7}'],
  ["'; drop table users; --", '../../etc/passwd', '\r\nSet-Cookie: a=b', '🧨'.repeat(30), 'x'.repeat(3000)],
].flat()
const nastyText: Arbitrary<string> = fc
  .oneof(fc.constantFrom(...NASTY_ENDS), fc.string({ unit: 'binary' }))
  .map((end) => MARK + end)

const NASTY_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  '',
  '0',
  MARK,
]
const nastyKey = fc.oneof(fc.constantFrom(...NASTY_KEYS), nastyText)

const NASTY_NUMBERS = [0, -0, -1, 0.1, 1e308, 2 ** 31, 2 ** 53, -(2 ** 63)]
const NASTY_SHAPES = [{}, { length: -1 }, [], [[]], nested(5), nested(900), Array(500).fill(null)]
const nastyValue: Arbitrary<unknown> = fc.oneof(
  nastyText,
  fc.constantFrom<unknown[]>(null, true, MARK.repeat(2000), ...NASTY_NUMBERS),
  fc.constantFrom<unknown[]>(...NASTY_SHAPES),
  nastyText.map((s) => [s]),
  fc.dictionary(nastyKey, nastyText, { maxKeys: 3 }),
  fc.jsonValue(),
)

/** Texts that stand in for a JSON body, and are none, or not one that a parser likes. */
const NASTY_JSON = [
  ['', ' ', '{', '}', 'NaN', '\0', '\ufeff{}', '{"title":"\t"}', '{"title":1e999}', '{"title":5,"title":[]}'],
  [`{"${MARK}`, `{"title":${MARK}}`, `{"title":"${MARK}"}${MARK}`, `{'title':'${MARK}'}`, `//${MARK}`],
  [
    '['.repeat(5000) + ']'.repeat(5000),
    '{"title":'.repeat(1500),
    '{"a":'.repeat(2000) + '1' + '}'.repeat(2000),
  ],
].flat()

/** What Postgres cannot store, or might take for something else. */
const STAINS = ['\0', '\ud800', '\udfff', '\u0000tail', "'", '\\', '\u202e']

/** Written out by hand: an object would lose a key that comes twice. */
const jsonOf = (entries: [string, unknown][]) =>
  `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`

/** JSON texts that start from a valid value: a field spoiled, missing or too many, or something else altogether. */
export function spoiledJson(valid: Arbitrary<unknown>): Arbitrary<string> {
  return fc.oneof(
    { weight: 8, arbitrary: spoiledEntries(valid, nastyValue, fc.constantFrom(...STAINS)).map(jsonOf) },
    { weight: 1, arbitrary: valid.map((value) => JSON.stringify([value])) },
    { weight: 2, arbitrary: nastyValue.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fc.constantFrom(...NASTY_JSON) },
  )
}

const ODD_ENCODINGS = [
  '%00',
  '%ff',
  '%ed%a0%80',
  '%zz',
  '%',
  '%2F',
  '%2e%2e%2f',
  '%25',
  '+',
  '%F0%9F%92%A9',
  ';',
]
const ODD_NUMBERS = [
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '01',
  '99999999999999999999',
  '2147483648',
  'NaN',
  'null',
  'true',
]

/** Parts of a URL, percent-encoded, also such as no encoder makes. */
export const nastyUrlPart: Arbitrary<string> = fc.oneof(
  nastyText.map((s) => encodeURIComponent(s.toWellFormed())),
  fc.constantFrom(...ODD_ENCODINGS).map((s) => MARK + s),
  fc.constantFrom(...ODD_NUMBERS),
)

/** The query string of an object: `?page=1`, or nothing. */
export const queryOf = (valid: Arbitrary<unknown>): Arbitrary<string> =>
  valid.map((value) => joined(encodedEntries(value)))

/** Query strings with a field spoiled, missing, doubled or too many. */
export const spoiledQuery = (valid: Arbitrary<unknown>): Arbitrary<string> =>
  spoiledEntries(
    valid.map((value) => Object.fromEntries(encodedEntries(value))),
    nastyUrlPart,
    fc.constantFrom(...ODD_ENCODINGS),
  ).map((entries) =>
    joined(entries.map(([name, value]) => [encodeURIComponent(name.toWellFormed()), String(value)])),
  )

const joined = (entries: [string, string][]) =>
  entries.length === 0 ? '' : `?${entries.map((pair) => pair.join('=')).join('&')}`

const encodedEntries = (value: unknown) =>
  Object.entries(value as object).map(([k, v]): [string, string] => [
    k,
    encodeURIComponent(String(v).toWellFormed()),
  ])

/**
 * Entries rather than an object: a key may come twice.
 * Most often a text stays what it was but for `stain`, so that nothing else keeps it from going on to the database.
 */
function spoiledEntries(
  valid: Arbitrary<unknown>,
  nasty: Arbitrary<unknown>,
  stain: Arbitrary<string>,
): Arbitrary<[string, unknown][]> {
  const entries = valid.map((value) => Object.entries(value as object))
  const change = fc.constantFrom('stain', 'stain', 'stain', 'replace', 'replace', 'drop', 'double', 'add')
  return fc
    .tuple(entries, change, fc.nat(), nastyKey, nasty, stain)
    .map(([list, how, at, key, value, mark]) => {
      const i = at % Math.max(list.length, 1)
      const [name, old] = list[i] ?? []
      if (how === 'add' || name === undefined) return [...list, [key, value]]
      if (how === 'drop') return list.toSpliced(i, 1)
      if (how === 'double') return [...list, [name, value]]
      return list.with(i, [name, how === 'stain' && typeof old === 'string' ? old + mark : value])
    })
}
