// The source of a new slice: its table, its queries, its routes.
import type { Field } from './fields.ts'
import { enumOf } from './fields.ts'
import type { Names } from './names.ts'

export function tableSource({ many, snake, table, spokenMany }: Names, fields: Field[]): string {
  const enums = fields.filter((field) => field.values.length > 0)
  const functions = fields.map((field) => /^\w+/.exec(field.column)?.[0] ?? '')
  const imports = ['index', 'pgTable', 'serial', 'timestamp', 'uuid', ...functions]
    .filter((name) => !enums.some((field) => field.column.startsWith(name)))
    .concat(enums.length > 0 ? 'pgEnum' : [])
  return `// The ${spokenMany} table.
import { ${[...new Set(imports)].toSorted().join(', ')} } from 'drizzle-orm/pg-core'
import { users } from '../account/table.ts'

${enums.map((field) => enumSource(snake, field)).join('')}export const ${many} = pgTable(
  '${table}',
  {
    id: serial().primaryKey(),
    ${fields.map((f) => `${f.name}: ${f.column}${f.optional ? '' : '.notNull()'}${f.unique ? '.unique()' : ''},`).join('\n    ')}
    creator: uuid().references(() => users.id, { onDelete: 'set null' }),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    modified: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [index('${table}_creator').on(t.creator)],
)
`
}

const enumSource = (snake: string, { name, values }: Field) =>
  `export const ${enumOf(snake, name)} = pgEnum('${snake}_${name}', [${values.map((v) => `'${v}'`).join(', ')}])\n\n`

export function queriesSource(names: Names, fields: Field[]): string {
  const { one, many, type, snake, table, spoken, spokenMany } = names
  const searched = fields.filter((field) => field.searchable)
  const has = searched.length > 0
  const conditions = searched.map((field) => `ilike(${many}.${field.name}, pattern)`).join(', ')
  const ofCreator = `or(sql\`\${creator}::uuid is null\`, eq(${many}.creator, creator))`
  return `// All SQL about ${spokenMany}.
import { ${has ? 'and, ' : ''}asc, eq, getTableColumns, ${has ? 'ilike, ' : ''}or, sql } from 'drizzle-orm'
import type { Db } from '../deps.ts'
import { prepared } from '../prepared.ts'
${has ? `import { containing } from '../web/search.ts'\n` : ''}import { ${many} } from './table.ts'

/** Ids are strings on the wire. */
const columns = { ...getTableColumns(${many}), id: sql<string>\`\${${many}.id}::text\`.as('id') }

export type ${type} = NonNullable<Awaited<ReturnType<typeof find${type}>>>

/** What a client may set. */
export interface New${type} {
  ${fields.map((f) => (f.optional ? `${f.name}?: ${f.type} | null | undefined` : `${f.name}: ${f.type}`)).join('\n  ')}
}

const page = prepared((db) => {
  ${has ? `const pattern = sql.placeholder('pattern')\n  ` : ''}const creator = sql.placeholder('creator')
  return db
    .select(columns)
    .from(${many})
    .where(${has ? `and(or(sql\`\${pattern}::text is null\`, ${conditions}), ${ofCreator})` : ofCreator})
    .orderBy(asc(${many}.id))
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))
    .prepare('${table}_page')
})

export interface ${type}Filter {
  ${has ? `/** ${searchWords(searched)} */\n  search?: string | undefined\n  ` : ''}creator?: string | undefined
  limit: number
  offset: number
}

/** A page of ${spokenMany} in order of id. */
export function list${capital(many)}(db: Db, { ${has ? 'search, ' : ''}creator, limit, offset }: ${type}Filter) {
  ${has ? `const pattern = search === undefined ? null : containing(search)\n  ` : ''}return page(db).execute({ ${has ? 'pattern, ' : ''}creator: creator ?? null, limit, offset })
}

const byId = prepared((db) =>
  db
    .select(columns)
    .from(${many})
    .where(eq(${many}.id, sql.placeholder('id')))
    .prepare('${snake}_by_id'),
)

export async function find${type}(db: Db, id: number) {
  const [${one}] = await byId(db).execute({ id })
  return ${one}
}

export async function create${type}(db: Db, input: New${type} & { creator: string }): Promise<${type}> {
  const [${one}] = await db.insert(${many}).values(input).returning(columns)
  if (${one} === undefined) throw new Error('insert returned no row')
  return ${one}
}

/** Changes what the input names, and nothing if it names nothing. Undefined if there is no such ${spoken}. */
export async function update${type}(db: Db, id: number, input: Partial<New${type}>): Promise<${type} | undefined> {
  if (Object.values(input).every((value) => value === undefined)) return find${type}(db, id)
  const [${one}] = await db
    .update(${many})
    .set({ ...input, modified: sql\`now()\` })
    .where(eq(${many}.id, id))
    .returning(columns)
  return ${one}
}

/** Deletes a ${spoken} and returns what it was; undefined if there was none. */
export async function delete${type}(db: Db, id: number): Promise<${type} | undefined> {
  const [${one}] = await db.delete(${many}).where(eq(${many}.id, id)).returning(columns)
  return ${one}
}
`
}

export function routesSource(names: Names, fields: Field[]): string {
  const { one, many, type, snake, spoken, spokenMany } = names
  const searched = fields.filter((field) => field.searchable)
  const enums = fields.filter((field) => field.values.length > 0).map((field) => enumOf(snake, field.name))
  const has = searched.length > 0
  return `// ${capital(spokenMany)} over HTTP.
import { z } from 'zod'
import { requireRole } from '../account/auth.ts'
import { doc } from '../web/doc.ts'
import { notFound } from '../web/errors.ts'
import { factory } from '../web/factory.ts'
import { blankAsAbsent, offsetOf, Page, PageSize, RowId, ${has ? 'Search, ' : ''}validate } from '../web/validate.ts'
import { create${type}, delete${type}, find${type}, list${capital(many)}, update${type} } from './queries.ts'
${enums.length > 0 ? `import { ${enums.toSorted().join(', ')} } from './table.ts'\n` : ''}
const ${type}Answer = z
  .object({
    id: z.string(),
    ${fields.map((f) => `${f.name}: ${f.answer}${f.optional ? '.nullable()' : ''},`).join('\n    ')}
    creator: z.uuid().nullable().describe('Id of the account that added it.'),
    created: z.iso.datetime(),
    modified: z.iso.datetime(),
  })
  .meta({ id: '${type}' })

// Unknown keys are ignored: clients send the whole object back as they read it.
const New${type} = z.object({
  ${fields.map((f) => `${f.name}: ${f.input}${f.optional ? '.nullish()' : ''},`).join('\n  ')}
})

const ${type}Query = z.object({
  page: Page,
  limit: PageSize,
  ${has ? `search: Search.describe('${searchWords(searched)}'),\n  ` : ''}creator: blankAsAbsent(z.uuid('must be a user id').optional()).describe('Id of the account that added it.'),
})

const One${type} = z.object({ id: RowId })

export const ${many} = factory
  .createApp()

  .get('/', doc('Lists ${spokenMany}.', z.array(${type}Answer)), validate('query', ${type}Query), async (c) => {
    const { page, limit, ...filter } = c.req.valid('query')
    return c.json(await list${capital(many)}(c.var.db, { ...filter, limit, offset: offsetOf(page, limit) }), 200)
  })

  .get('/:id', doc('Returns a ${spoken}.', ${type}Answer), validate('param', One${type}), async (c) => {
    const ${one} = await find${type}(c.var.db, c.req.valid('param').id)
    if (${one} === undefined) throw notFound(c)
    return c.json(${one}, 200)
  })

  .post(
    '/',
    doc('Creates a ${spoken} and returns it.', ${type}Answer, 201),
    requireRole('editor'),
    validate('json', New${type}),
    async (c) => {
      const input = c.req.valid('json')
      return c.json(await create${type}(c.var.db, { ...input, creator: c.var.session.userId }), 201)
    },
  )

  .put(
    '/:id',
    doc('Changes what the body names of a ${spoken}, and returns it.', ${type}Answer),
    requireRole('editor'),
    validate('param', One${type}),
    validate('json', New${type}.partial()),
    async (c) => {
      const ${one} = await update${type}(c.var.db, c.req.valid('param').id, c.req.valid('json'))
      if (${one} === undefined) throw notFound(c)
      return c.json(${one}, 200)
    },
  )

  .delete(
    '/:id',
    doc('Deletes a ${spoken} and returns what it was.', ${type}Answer),
    requireRole('editor'),
    validate('param', One${type}),
    async (c) => {
      const ${one} = await delete${type}(c.var.db, c.req.valid('param').id)
      if (${one} === undefined) throw notFound(c)
      return c.json(${one}, 200)
    },
  )
`
}

const capital = (word: string) => word.replace(/^./, (letter) => letter.toUpperCase())

/** `Part of the title, the author or the blurb, in any case.` */
function searchWords(fields: Field[]): string {
  const words = fields.map(({ name }) => `the ${name.replaceAll('_', ' ')}`)
  return `Part of ${[words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ')}, in any case.`
}
