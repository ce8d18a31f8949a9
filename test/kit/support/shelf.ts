// A table for the tests of lists: with ties, nulls, microseconds and texts of every kind, and the list of its rows.
import { eq, sql } from 'drizzle-orm'
import { index, integer, pgTable, serial, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { defineList } from '../../../src/kit/data/list.ts'
import { publicFields } from '../../../src/kit/data/public-fields.ts'
import type { Scope } from '../../../src/kit/data/scope.ts'
import type { Db } from '../../../src/kit/types/db.ts'

type Columns = Parameters<ReturnType<typeof index>['on']>
const forOwnersAndAll = (owner: Columns[0], order: Columns) => [
  index().on(owner, ...order),
  index().on(...order),
]

export const books = pgTable(
  'shelved_books', // a name that no fork has
  {
    id: serial().primaryKey(),
    title: text().notNull(),
    subtitle: text(),
    stars: integer(),
    shelf: integer().notNull(),
    added: timestamp({ withTimezone: true }).notNull(),
    owner: uuid().notNull(),
    secret: text().notNull().default('hidden'),
  },
  (t) => [
    ...forOwnersAndAll(t.owner, [t.title, t.id]),
    ...forOwnersAndAll(t.owner, [t.stars, t.id]),
    ...forOwnersAndAll(t.owner, [t.added, t.id]),
    ...forOwnersAndAll(t.owner, [t.added.desc().nullsFirst(), t.title, t.id]),
    ...forOwnersAndAll(t.owner, [t.subtitle, t.stars, t.title, t.id]),
    ...forOwnersAndAll(t.owner, [t.shelf, t.added, t.id]),
    index().on(t.owner, t.id),
  ],
)

const Book = z.object({
  id: z.string(),
  title: z.string(),
  subtitle: z.string().nullable(),
  stars: z.int().nullable(),
  shelf: z.int(),
  added: z.iso.datetime(),
  owner: z.uuid(),
})

export const publicBook = publicFields(books, Book, { id: sql<string>`${books.id}::text`.as('id') })

export const bookList = defineList(publicBook, {
  visible: ({ me, role }: Scope) => (role === 'librarian' ? undefined : eq(books.owner, me)),
  orders: ['title', 'stars', 'added', '-added,title', 'subtitle,stars,title', 'shelf,added'],
  filters: ['shelf', 'added', 'owner'],
  search: ['title', 'subtitle'],
})

const ORDERS = ['title', 'stars', 'added', 'added desc, title', 'subtitle, stars, title', 'shelf, added']

/** Makes the table, as a migration would. */
export async function createBooks(db: Db): Promise<void> {
  await db.execute(sql`create table shelved_books (id serial primary key, title text not null, subtitle text, stars int,
    shelf int not null, added timestamptz not null, owner uuid not null, secret text not null default 'hidden')`)
  const prefixes = ORDERS.flatMap((columns) => [`${columns}, id`, `owner, ${columns}, id`])
  for (const columns of [...prefixes, 'owner, id'])
    await db.execute(sql.raw(`create index on shelved_books (${columns})`))
}
