// Holds all SQL about movies.
import { and, asc, eq, gt, ilike, or, type SQL, sql } from 'drizzle-orm'
import { inLane } from '../kit/data/lanes.ts'
import { prepared } from '../kit/data/prepared.ts'
import { likePattern, searchPage } from '../kit/data/search.ts'
import { SHALLOW_OFFSET } from '../kit/http/paging.ts'
import type { Db } from '../kit/types/db.ts'
import { movies, publicMovie } from './table.ts'

const { columns } = publicMovie

export type Movie = NonNullable<Awaited<ReturnType<typeof findMovie>>>

export interface MovieFilter {
  /** Part of the title or of the director, in any case. */
  search?: string | undefined
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
    .from(movies)
    .where(and(filter, gt(movies.id, sql.placeholder('after'))))
    .orderBy(asc(movies.id))
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))

const page = prepared((db) => buildPage(db).prepare('movies_page'), 'fast')
const deepPage = prepared((db) => buildPage(db).prepare('movies_page'))
const pageOfCreator = prepared((db) =>
  buildPage(db, eq(movies.creator, sql.placeholder('creator'))).prepare('movies_page_of_creator'),
)

/** A page of movies in order of id. */
export async function listMovies(db: Db, filter: MovieFilter) {
  const { search, creator, after = 0, limit, offset } = filter
  if (search !== undefined) return searchMovies(inLane(db, 'search'), search, filter)
  if (creator !== undefined) return pageOfCreator(db).execute({ creator, after, limit, offset })
  return (offset > SHALLOW_OFFSET ? deepPage : page)(db).execute({ after, limit, offset })
}

/** Not prepared: Postgres plans each search for its text. */
function searchMovies(db: Db, search: string, { creator, after = 0, limit, offset }: MovieFilter) {
  const pattern = likePattern(search)
  const matching = or(ilike(movies.title, pattern), ilike(movies.director, pattern))
  const rest = and(creator === undefined ? undefined : eq(movies.creator, creator), gt(movies.id, after))
  /** The next rows of the list, aliased as the table. */
  const next = (rows: number) =>
    db.select().from(movies).where(rest).orderBy(movies.id).limit(rows).as('movies')
  return searchPage(
    { limit, offset },
    {
      sample: (rows) => db.$count(next(rows), matching),
      scan: (rows) =>
        db.select(columns).from(next(rows)).where(matching).orderBy(movies.id).limit(limit).offset(offset),
      searchAll: () =>
        db
          .select(columns)
          .from(movies)
          .where(and(matching, rest))
          // No index has this order: Postgres must not walk one.
          .orderBy(sql`${movies.id} + 0`)
          .limit(limit)
          .offset(offset),
    },
  )
}

const byId = prepared(
  (db) =>
    db
      .select(columns)
      .from(movies)
      .where(eq(movies.id, sql.placeholder('id')))
      .prepare('movie_by_id'),
  'fast',
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

/** Changes the fields that the input names. Undefined if there is no such movie. */
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

/** Deletes a movie and returns it; undefined if there was none. */
export async function deleteMovie(db: Db, id: number): Promise<Movie | undefined> {
  const [movie] = await db.delete(movies).where(eq(movies.id, id)).returning(columns)
  return movie
}
