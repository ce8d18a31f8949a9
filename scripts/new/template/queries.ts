// Holds all SQL about toy cars.
import { and, asc, eq, gt, ilike, or, type SQL, sql } from 'drizzle-orm'
import { inLane } from '../../../src/kit/data/lanes.ts'
import { prepared } from '../../../src/kit/data/prepared.ts'
import { SHALLOW_OFFSET } from '../../../src/kit/data/list-rows.ts'
import { likePattern, searchPage } from '../../../src/kit/data/search.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { publicToyCar, toyCars } from './table.ts'

const { columns } = publicToyCar

export type ToyCar = NonNullable<Awaited<ReturnType<typeof findToyCar>>>

/** What a client may set. */
export type NewToyCar = Omit<typeof toyCars.$inferInsert, 'id' | 'creator' | 'created' | 'modified'>

export interface ToyCarFilter {
  // if searched
  /** Part of the searched fields, in any case. */
  search?: string | undefined
  // end
  creator?: string | undefined
  /** Only those with a greater id. */
  after?: number | undefined
  limit: number
  offset: number
}

// One statement per filter: a statement that decides at run time gets one plan, which is bad for each case.
const buildPage = (db: Db, filter?: SQL) =>
  db
    .select(columns)
    .from(toyCars)
    .where(and(filter, gt(toyCars.id, sql.placeholder('after'))))
    .orderBy(asc(toyCars.id))
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))

const page = prepared((db) => buildPage(db).prepare('toy_cars_page'), 'fast')
const deepPage = prepared((db) => buildPage(db).prepare('toy_cars_page'))
const pageOfCreator = prepared((db) =>
  buildPage(db, eq(toyCars.creator, sql.placeholder('creator'))).prepare('toy_cars_page_of_creator'),
)

/** A page of toy cars in order of id. */
export async function listToyCars(db: Db, filter: ToyCarFilter) {
  const { creator, after = 0, limit, offset } = filter
  // if searched
  if (filter.search !== undefined) return searchToyCars(inLane(db, 'search'), filter.search, filter)
  // end
  if (creator !== undefined) return pageOfCreator(db).execute({ creator, after, limit, offset })
  return (offset > SHALLOW_OFFSET ? deepPage : page)(db).execute({ after, limit, offset })
}

// if searched
/** Not prepared: Postgres plans each search for its text. */
function searchToyCars(db: Db, search: string, { creator, after = 0, limit, offset }: ToyCarFilter) {
  const pattern = likePattern(search)
  const matching = or(
    ilike(toyCars.$string, pattern),
    ilike(toyCars.$text, pattern),
    ilike(toyCars.$optional, pattern),
  )
  const rest = and(creator === undefined ? undefined : eq(toyCars.creator, creator), gt(toyCars.id, after))
  /** The next rows of the list, aliased as the table. */
  const next = (rows: number) =>
    db.select().from(toyCars).where(rest).orderBy(toyCars.id).limit(rows).as('toy_cars')
  return searchPage(
    { limit, offset },
    {
      sample: (rows) => db.$count(next(rows), matching),
      scan: (rows) =>
        db.select(columns).from(next(rows)).where(matching).orderBy(toyCars.id).limit(limit).offset(offset),
      searchAll: () =>
        db
          .select(columns)
          .from(toyCars)
          .where(and(matching, rest))
          // No index has this order: Postgres must not walk one.
          .orderBy(sql`${toyCars.id} + 0`)
          .limit(limit)
          .offset(offset),
    },
  )
}
// end

const byId = prepared(
  (db) =>
    db
      .select(columns)
      .from(toyCars)
      .where(eq(toyCars.id, sql.placeholder('id')))
      .prepare('toy_car_by_id'),
  'fast',
)

export async function findToyCar(db: Db, id: number) {
  const [toyCar] = await byId(db).execute({ id })
  return toyCar
}

export async function createToyCar(db: Db, input: NewToyCar & { creator: string }): Promise<ToyCar> {
  const [toyCar] = await db.insert(toyCars).values(input).returning(columns)
  if (toyCar === undefined) throw new Error('insert returned no row')
  return toyCar
}

/** Changes the fields that the input names. Undefined if there is no such toy car. */
export async function updateToyCar(
  db: Db,
  id: number,
  input: Partial<NewToyCar>,
): Promise<ToyCar | undefined> {
  if (Object.values(input).every((each) => each === undefined)) return findToyCar(db, id)
  const [toyCar] = await db
    .update(toyCars)
    .set({ ...input, modified: sql`now()` })
    .where(eq(toyCars.id, id))
    .returning(columns)
  return toyCar
}

/** Deletes a toy car and returns it; undefined if there was none. */
export async function deleteToyCar(db: Db, id: number): Promise<ToyCar | undefined> {
  const [toyCar] = await db.delete(toyCars).where(eq(toyCars.id, id)).returning(columns)
  return toyCar
}
