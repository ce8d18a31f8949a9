// Defines the toy makers table: what toy cars refer to, as small as one can be.
import { sql } from 'drizzle-orm'
import { pgTable, serial, text, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../../../../../src/account/table.ts'
import { publicFields } from '../../../../../src/kit/data/public-fields.ts'

export const toyMakers = pgTable('toy_makers', {
  id: serial().primaryKey(),
  label: text().notNull(),
  creator: uuid()
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
})

const ToyMakerResponse = z.object({ id: z.string(), label: z.string(), creator: z.uuid() })

export const publicToyMaker = publicFields(toyMakers, ToyMakerResponse, {
  id: sql<string>`${toyMakers.id}::text`.as('id'),
})
