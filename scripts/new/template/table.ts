// Defines the toy cars table and what a client sees of a toy car.
import { sql } from 'drizzle-orm'
import {
  boolean,
  date,
  doublePrecision,
  index,
  integer,
  pgEnum,
  pgTable,
  serial,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../../../src/account/table.ts'
import { publicFields } from '../../../src/kit/data/public-fields.ts'

// if enum
export const toyCar$enum = pgEnum('toy_car_$enum', ['first', 'second'])
// end

export const toyCars = pgTable(
  'toy_cars',
  {
    id: serial().primaryKey(),
    $string: text().notNull().unique(),
    $text: text().notNull(),
    $int: integer().notNull().unique(),
    $number: doublePrecision().notNull().unique(),
    $bool: boolean().notNull(),
    $date: date().notNull().unique(),
    $timestamp: timestamp({ withTimezone: true }).notNull().unique(),
    $uuid: uuid().notNull().unique(),
    $enum: toyCar$enum().notNull(),
    $optional: text(),
    creator: uuid().references(() => users.id, { onDelete: 'set null' }),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    modified: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    index('toy_cars_creator_id').on(t.creator, t.id),
    // if searched
    // For searches.
    index('toy_cars_search').using(
      'gin',
      t.$string.op('gin_trgm_ops'),
      t.$text.op('gin_trgm_ops'),
      t.$optional.op('gin_trgm_ops'),
    ),
    // end
  ],
)

export const ToyCarResponse = z
  .object({
    id: z.string(),
    $string: z.string(),
    $text: z.string(),
    $int: z.int(),
    $number: z.number(),
    $bool: z.boolean(),
    $date: z.iso.date(),
    $timestamp: z.iso.datetime(),
    $uuid: z.uuid(),
    $enum: z.enum(toyCar$enum.enumValues),
    $optional: z.string().nullable(),
    creator: z.uuid().nullable().describe('Id of the account that added it.'),
    created: z.iso.datetime(),
    modified: z.iso.datetime(),
  })
  .meta({ id: 'ToyCar' })

/** Ids are strings on the wire. */
export const publicToyCar = publicFields(toyCars, ToyCarResponse, {
  id: sql<string>`${toyCars.id}::text`.as('id'),
})
