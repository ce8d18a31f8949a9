// Holds all SQL about movies.
import { eq, sql } from 'drizzle-orm'
import { defineList } from '../kit/data/list.ts'
import { prepared } from '../kit/data/prepared.ts'
import type { Db } from '../kit/types/db.ts'
import { movies, publicMovie } from './table.ts'

const { columns } = publicMovie

export type Movie = NonNullable<Awaited<ReturnType<typeof findMovie>>>

export const movieList = defineList(publicMovie, {
  filters: ['creator'],
  search: ['title', 'director'],
  // As the API that this one replaces has it.
  pageSize: { most: 1000, byDefault: 1000 },
  ignoresOthers: true,
})

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
