// The source of a new slice's queries.ts.
import { type Field, searchWords } from './fields.ts'
import { capital, type Names } from './names.ts'

export function queriesSource(names: Names, fields: Field[]): string {
  const { one, many, type, snake, table, spoken, spokenMany } = names
  const searched = fields.filter((field) => field.searchable)
  const has = searched.length > 0
  const drizzle = `and, asc, eq, gt, ${has ? 'ilike, ' : ''}${searched.length > 1 ? 'or, ' : ''}type SQL, sql`
  return `// Holds all SQL about ${spokenMany}.
import { ${drizzle} } from 'drizzle-orm'
${has ? `import { inLane } from '../kit/data/lanes.ts'\n` : ''}import { prepared } from '../kit/data/prepared.ts'
import { SHALLOW_OFFSET } from '../kit/http/paging.ts'
import type { Db } from '../kit/types/db.ts'
${has ? `import { likePattern, searchPage } from '../kit/data/search.ts'\n` : ''}import { ${many}, public${type} } from './table.ts'

const { columns } = public${type}

export type ${type} = NonNullable<Awaited<ReturnType<typeof find${type}>>>

/** What a client may set. */
export interface New${type} {
  ${fields.map((f) => (f.optional ? `${f.name}?: ${f.type} | null | undefined` : `${f.name}: ${f.type}`)).join('\n  ')}
}

export interface ${type}Filter {
  ${has ? `/** ${searchWords(searched)} */\n  search?: string | undefined\n  ` : ''}creator?: string | undefined
  /** Only those with a greater id. */
  after?: number | undefined
  limit: number
  offset: number
}

// One statement per filter: a statement that decides at run time gets one plan, which is bad for each case.
const buildPage = (db: Db, filter?: SQL) =>
  db
    .select(columns)
    .from(${many})
    .where(and(filter, gt(${many}.id, sql.placeholder('after'))))
    .orderBy(asc(${many}.id))
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))

const page = prepared((db) => buildPage(db).prepare('${table}_page'), 'fast')
const deepPage = prepared((db) => buildPage(db).prepare('${table}_page'))
const pageOfCreator = prepared((db) =>
  buildPage(db, eq(${many}.creator, sql.placeholder('creator'))).prepare('${table}_page_of_creator'),
)

/** A page of ${spokenMany} in order of id. */
export async function list${capital(many)}(db: Db, filter: ${type}Filter) {
  const { ${has ? 'search, ' : ''}creator, after = 0, limit, offset } = filter
  ${has ? `if (search !== undefined) return search${capital(many)}(inLane(db, 'search'), search, filter)\n  ` : ''}if (creator !== undefined) return pageOfCreator(db).execute({ creator, after, limit, offset })
  return (offset > SHALLOW_OFFSET ? deepPage : page)(db).execute({ after, limit, offset })
}
${has ? searchSource(names, searched) : ''}
const byId = prepared(
  (db) =>
    db
      .select(columns)
      .from(${many})
      .where(eq(${many}.id, sql.placeholder('id')))
      .prepare('${snake}_by_id'),
  'fast',
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

/** Changes the fields that the input names. Undefined if there is no such ${spoken}. */
export async function update${type}(db: Db, id: number, input: Partial<New${type}>): Promise<${type} | undefined> {
  if (Object.values(input).every((value) => value === undefined)) return find${type}(db, id)
  const [${one}] = await db
    .update(${many})
    .set({ ...input, modified: sql\`now()\` })
    .where(eq(${many}.id, id))
    .returning(columns)
  return ${one}
}

/** Deletes a ${spoken} and returns it; undefined if there was none. */
export async function delete${type}(db: Db, id: number): Promise<${type} | undefined> {
  const [${one}] = await db.delete(${many}).where(eq(${many}.id, id)).returning(columns)
  return ${one}
}
`
}

function searchSource({ many, type, table }: Names, searched: Field[]): string {
  const conditions = searched.map((field) => `ilike(${many}.${field.name}, pattern)`).join(', ')
  return `
/** Not prepared: Postgres plans each search for its text. */
function search${capital(many)}(db: Db, search: string, { creator, after = 0, limit, offset }: ${type}Filter) {
  const pattern = likePattern(search)
  const matching = ${searched.length > 1 ? `or(${conditions})` : conditions}
  const rest = and(creator === undefined ? undefined : eq(${many}.creator, creator), gt(${many}.id, after))
  /** The next rows of the list, aliased as the table. */
  const next = (rows: number) =>
    db.select().from(${many}).where(rest).orderBy(${many}.id).limit(rows).as('${table}')
  return searchPage(
    { limit, offset },
    {
      sample: (rows) => db.$count(next(rows), matching),
      scan: (rows) =>
        db.select(columns).from(next(rows)).where(matching).orderBy(${many}.id).limit(limit).offset(offset),
      searchAll: () =>
        db
          .select(columns)
          .from(${many})
          .where(and(matching, rest))
          // No index has this order: Postgres must not walk one.
          .orderBy(sql\`\${${many}.id} + 0\`)
          .limit(limit)
          .offset(offset),
    },
  )
}
`
}
