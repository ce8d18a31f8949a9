// Defines the movies table of the sample and what a client sees of a movie.
import { sql } from 'drizzle-orm'
import { index, pgTable, serial, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../account/table.ts'
import { publicFields } from '../kit/data/public-fields.ts'

export const movies = pgTable(
  'movies',
  {
    id: serial().primaryKey(),
    title: text().notNull(),
    director: text(),
    creator: uuid().references(() => users.id, { onDelete: 'set null' }),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    modified: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    index('movies_creator_id').on(t.creator, t.id),
    // For searches.
    index('movies_search').using('gin', t.title.op('gin_trgm_ops'), t.director.op('gin_trgm_ops')),
  ],
)

export const MovieResponse = z
  .object({
    id: z.string(),
    title: z.string().meta({ examples: ['Metropolis'] }),
    director: z
      .string()
      .nullable()
      .meta({ examples: ['Fritz Lang'] }),
    creator: z.uuid().nullable().describe('Id of the account that added it.'),
    created: z.iso.datetime(),
    modified: z.iso.datetime(),
  })
  .meta({ id: 'Movie' })

/** Ids are strings on the wire. */
export const publicMovie = publicFields(movies, MovieResponse, {
  id: sql<string>`${movies.id}::text`.as('id'),
})
