// The movies table of the sample.
import { index, pgTable, serial, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { users } from '../account/table.ts'

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
    // What a search looks in.
    index('movies_search').using('gin', t.title.op('gin_trgm_ops'), t.director.op('gin_trgm_ops')),
  ],
)
