// The source of a new slice's queries.ts.
import { type Field, searchWords } from './fields.ts'
import { capital, type Names } from './names.ts'

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
