// Defines the toy boxes table: the parent of the toy cars, as small as one can be.
import { sql } from 'drizzle-orm'
import { pgTable, serial, text, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../../../../../src/account/table.ts'
import { publicFields } from '../../../../../src/kit/data/public-fields.ts'

export const toyBoxes = pgTable('toy_boxes', {
  id: serial().primaryKey(),
  label: text().notNull(),
  creator: uuid()
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
})

const ToyBoxResponse = z.object({ id: z.string(), label: z.string(), creator: z.uuid() })

export const publicToyBox = publicFields(toyBoxes, ToyBoxResponse, {
  id: sql<string>`${toyBoxes.id}::text`.as('id'),
})
