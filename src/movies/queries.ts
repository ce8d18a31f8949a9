// All SQL about movies.
import { and, asc, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Db } from '../deps.ts'
import { prepared } from '../prepared.ts'
import { containing } from '../web/search.ts'
import { movies } from './table.ts'

/** Ids are strings on the wire. */
const columns = { ...getTableColumns(movies), id: sql<string>`${movies.id}::text`.as('id') }

export type Movie = NonNullable<Awaited<ReturnType<typeof findMovie>>>

const page = prepared((db) => {
  const pattern = sql.placeholder('pattern')
  const creator = sql.placeholder('creator')
  return db
    .select(columns)
    .from(movies)
    .where(
      and(
        sql`(${pattern}::text is null or ${movies.title} ilike ${pattern} or ${movies.director} ilike ${pattern})`,
        sql`(${creator}::uuid is null or ${movies.creator} = ${creator}::uuid)`,
      ),
    )
    .orderBy(asc(movies.id))
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))
    .prepare('movies_page')
})

export interface MovieFilter {
  /** Part of the title or of the director, in any case. */
  search?: string | undefined
  creator?: string | undefined
  limit: number
  offset: number
}

/** A page of movies in order of id. */
export function listMovies(db: Db, { search, creator, limit, offset }: MovieFilter) {
  const pattern = search === undefined ? null : containing(search)
  return page(db).execute({ pattern, creator: creator ?? null, limit, offset })
}

const byId = prepared((db) =>
  db
    .select(columns)
    .from(movies)
    .where(eq(movies.id, sql.placeholder('id')))
    .prepare('movie_by_id'),
)

export async function findMovie(db: Db, id: number) {
  const [movie] = await byId(db).execute({ id })
  return movie
}

const insert = prepared((db) =>
  db
    .insert(movies)
    .values({
      title: sql.placeholder('title'),
      director: sql.placeholder('director'),
      creator: sql.placeholder('creator'),
    })
    .returning(columns)
    .prepare('movie_insert'),
)

export async function createMovie(
  db: Db,
  input: { title: string; director: string | null; creator: string },
): Promise<Movie> {
  const [movie] = await insert(db).execute(input)
  if (movie === undefined) throw new Error('insert returned no row')
  return movie
}

/** Changes what the input names, and nothing if it names nothing. Undefined if there is no such movie. */
export async function updateMovie(
  db: Db,
  id: number,
  input: { title?: string | undefined; director?: string | null | undefined },
): Promise<Movie | undefined> {
  if (input.title === undefined && input.director === undefined) return findMovie(db, id)
  const [movie] = await db
    .update(movies)
    .set({ ...input, modified: sql`now()` })
    .where(eq(movies.id, id))
    .returning(columns)
  return movie
}

/** Deletes a movie and returns what it was; undefined if there was none. */
export async function deleteMovie(db: Db, id: number): Promise<Movie | undefined> {
  const [movie] = await db.delete(movies).where(eq(movies.id, id)).returning(columns)
  return movie
}
