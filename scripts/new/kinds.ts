// The types that a field of a new resource can have: what each is in Postgres, zod, TypeScript and a test.

/** What a type is made of. All are TypeScript source. */
export interface Kind {
  about: string
  /** Drizzle's function for the column. */
  column: string
  /** What a client sends, and what it gets. */
  input: string
  answer: string
  /** In the types of queries. */
  type: string
  /** Values for the test: a good one, another one, one that is refused. */
  sample: string
  other: string
  wrong: string
  /** A good value that is another one for each `n`; absent: the type cannot be unique. */
  nth?: string
  searchable?: true
}

/** Years that Postgres, ISO 8601 and JavaScript write alike. */
const ERA = `'must be of the years 1000 to 9999'`

const text = (name: string) => ({
  column: 'text()',
  answer: 'z.string()',
  type: 'string',
  sample: `'some ${name}'`,
  other: `'another ${name}'`,
  wrong: '5',
  searchable: true as const,
})

/** By the name of the type, for a field of this name. */
export const KINDS: Record<string, (name: string) => Kind> = {
  string: (name) => ({
    ...text(name),
    about: 'a line of text, 1 to 500 characters, searched',
    input: `z.string().min(1, 'must not be empty').max(500)`,
    wrong: `''`,
    nth: `\`${name} \${n}\``,
  }),
  text: (name) => ({
    ...text(name),
    about: 'a long text, up to 50000 characters, searched',
    input: 'z.string().max(50_000)',
  }),
  int: () => ({
    about: 'a whole number of 32 bits',
    column: 'integer()',
    input: 'z.int32()',
    answer: 'z.int()',
    type: 'number',
    sample: '7',
    other: '8',
    wrong: '1.5',
    nth: 'n',
  }),
  number: () => ({
    about: 'a number, perhaps with a fraction',
    column: 'doublePrecision()',
    input: 'z.number()',
    answer: 'z.number()',
    type: 'number',
    sample: '1.5',
    other: '2.25',
    wrong: `'many'`,
    nth: 'n + 0.5',
  }),
  bool: () => ({
    about: 'true or false',
    column: 'boolean()',
    input: 'z.boolean()',
    answer: 'z.boolean()',
    type: 'boolean',
    sample: 'true',
    other: 'false',
    wrong: `'yes'`,
  }),
  date: () => ({
    about: 'a day: 2026-01-31',
    column: 'date()',
    input: `z.iso.date().refine((v) => v > '1000', ${ERA})`,
    answer: 'z.iso.date()',
    type: 'string',
    sample: `'2026-01-31'`,
    other: `'2026-02-28'`,
    wrong: `'2026-02-30'`,
    nth: 'new Date(n * 86_400_000).toISOString().slice(0, 10)',
  }),
  timestamp: () => ({
    about: 'a moment: 2026-01-31T12:00:00Z',
    column: 'timestamp({ withTimezone: true })',
    // The length first: a moment may have any number of digits after its seconds.
    input: `z.string().max(40, { abort: true }).check(z.iso.datetime({ offset: true }))
    .transform((v) => new Date(v))
    .refine((v) => v.getUTCFullYear() >= 1000 && v.getUTCFullYear() <= 9999, ${ERA})`,
    answer: 'z.iso.datetime()',
    type: 'Date',
    sample: `'2026-01-31T12:00:00.000Z'`,
    other: `'2026-02-28T00:00:00.000Z'`,
    wrong: `'yesterday'`,
    nth: 'new Date(n).toISOString()',
  }),
  uuid: () => ({
    about: 'an id of something elsewhere',
    column: 'uuid()',
    input: 'z.uuid()',
    answer: 'z.uuid()',
    type: 'string',
    sample: `'7e0b1c52-1d3c-4c5f-9a58-3f1d2f0e6a01'`,
    other: `'0d9f0b5a-52a7-4a52-8a3c-6c1c0a3b7e02'`,
    wrong: `'7e0b1c52'`,
    nth: 'crypto.randomUUID()',
  }),
}
