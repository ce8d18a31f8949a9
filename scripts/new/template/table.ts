// Defines the toy cars table and what a client sees of a toy car.
import { isNotNull, isNull, sql } from 'drizzle-orm'
import {
  boolean,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  serial,
  text,
  time,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../../../src/account/table.ts'
// if exclusive
//| import { exclusion } from '../../../src/kit/data/exclusion.ts'
// end
import { publicFields } from '../../../src/kit/data/public-fields.ts'
import { SoftDelete } from '../../../src/kit/data/soft-delete.ts'
import { version } from '../../../src/kit/data/version.ts'
import { toyBoxes } from './support/toy-boxes/table.ts'
import { toyMakers } from './support/toy-makers/table.ts'
// if src/files/table.ts
//| import { files } from '../../../src/files/table.ts'
// end

// if enum
export const toyCar$enum = pgEnum('toy_car_$enum', ['first', 'second'])
// end

export const toyCars = pgTable(
  'toy_cars',
  {
    id: serial().primaryKey(),
    // if under
    toy_box: integer()
      .notNull()
      // if holding
      //| .references(() => toyBoxes.id, { onDelete: 'restrict' }),
      // else
      .references(() => toyBoxes.id, { onDelete: 'cascade' }),
    // end
    // end
    $string: text().notNull(),
    $text: text().notNull(),
    $int: integer().notNull(),
    $number: doublePrecision().notNull(),
    $decimal: numeric({ precision: 10, scale: 2 }).notNull(),
    $bool: boolean().notNull(),
    $date: date().notNull(),
    $timestamp: timestamp({ withTimezone: true }).notNull(),
    $time: time({ precision: 0 }).notNull(),
    $uuid: uuid().notNull(),
    $email: text().notNull(),
    $url: text().notNull(),
    $enum: toyCar$enum().notNull(),
    $strings: text().array().notNull(),
    $json: jsonb().notNull(),
    $ref: integer()
      .notNull()
      .references(() => toyMakers.id, { onDelete: 'cascade' }),
    $account: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    // if src/files/table.ts
    //| $file: uuid()
    //|   .notNull()
    //|   .references(() => files.id, { onDelete: 'restrict' }),
    // end
    $optional: text(),
    $default: text().notNull().default('none'),
    // if cascade
    creator: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    // else
    //| creator: uuid().references(() => users.id, { onDelete: 'set null' }),
    // end
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    modified: timestamp({ withTimezone: true }).notNull().defaultNow(),
    version: version(),
    // if soft
    deleted: timestamp({ withTimezone: true }),
    // end
  },
  (t) => [
    // if soft
    // if under
    // For lists of what is deleted, and for what goes with its account or its toy box.
    index('toy_cars_toy_box_deleted').on(t.toy_box, t.deleted),
    // else
    //| index('toy_cars_id_live').on(t.id).where(isNull(t.deleted)),
    //| // For lists of what is deleted, and for what goes with its account.
    // end
    index('toy_cars_creator_deleted').on(t.creator, t.deleted),
    // For the purge.
    index('toy_cars_deleted').on(t.deleted).where(isNotNull(t.deleted)),
    // end
    index('toy_cars_creator_id').on(t.creator, t.id).where(isNull(t.deleted)),
    // if under
    index('toy_cars_toy_box_id').on(t.toy_box, t.id).where(isNull(t.deleted)),
    // end
    // if under owned private
    index('toy_cars_toy_box_creator_id').on(t.toy_box, t.creator, t.id).where(isNull(t.deleted)),
    // end
    // if listed
    index('toy_cars_$strings_id').using('gin', t.$strings),
    // end
    // if compared
    index('toy_cars_$string_id')
      .on(
        // if under
        t.toy_box,
        // end
        t.$string,
        t.id,
      )
      .where(isNull(t.deleted)),
    // end
    // if apart
    // if referring
    // For deletions of what they refer to.
    index('toy_cars_$ref_fk').on(t.$ref),
    // end
    // end
    // if owned private
    // if compared
    index('toy_cars_$string_of_creator')
      .on(
        // if under
        t.toy_box,
        // end
        t.creator,
        t.$string,
        t.id,
      )
      .where(isNull(t.deleted)),
    // end
    // end
    // if own
    uniqueIndex('toy_cars_$string_unique')
      .on(
        // if under
        t.toy_box,
        // end
        // if owned
        t.creator,
        // end
        t.$string,
      )
      .where(isNull(t.deleted)),
    // end
    // if all
    //| uniqueIndex('toy_cars_$string_unique').on(t.$string).where(isNull(t.deleted)),
    // end
    // if searched
    // For searches.
    index('toy_cars_search').using(
      'gin',
      t.$string.op('gin_trgm_ops'),
      t.$text.op('gin_trgm_ops'),
      t.$optional.op('gin_trgm_ops'),
    ),
    // end
    // if bounded
    check('toy_cars_$string_check', sql`char_length(${t.$string}) >= 1`),
    // end
    // each unique
    //| uniqueIndex('$constraint').on($columns).where(isNull(t.deleted)),
    // done
    // each check
    //| check('$constraint', sql`$condition`),
    // done
    // each exclude
    //| exclusion('$constraint', [$columns], sql`$range`).where(isNull(t.deleted)),
    // done
  ],
)

// if soft
/** Deleted ones can be restored for so long; then a cron deletes them for good. */
export const deletedToyCars = new SoftDelete(toyCars, { days: 30 })

// end
export const ToyCarResponse = z
  .object({
    id: z.string(),
    // if under
    toy_box: z.string(),
    // end
    $string: z.string(),
    $text: z.string(),
    $int: z.int(),
    $number: z.number(),
    $decimal: z.string().describe('A decimal number.'),
    $bool: z.boolean(),
    $date: z.iso.date(),
    $timestamp: z.iso.datetime(),
    $time: z.string().describe('A time of day.'),
    $uuid: z.uuid(),
    $email: z.email(),
    $url: z.url(),
    $enum: z.enum(toyCar$enum.enumValues),
    $strings: z.array(z.string()),
    $json: z.unknown(),
    $ref: z.string(),
    $account: z.uuid(),
    // if src/files/table.ts
    //| $file: z.uuid().describe('Id of a file: `GET /api/files/:id/public` has its bytes.'),
    // end
    $optional: z.string().nullable(),
    $default: z.string(),
    // if cascade
    creator: z.uuid().describe('Id of the account that added it.'),
    // else
    //| creator: z.uuid().nullable().describe('Id of the account that added it.'),
    // end
    created: z.iso.datetime(),
    modified: z.iso.datetime(),
    version: z.int().describe('Counts its changes; in quotes it is good for `If-Match`.'),
    // if soft
    deleted: z.iso.datetime().nullable().describe('When it was deleted.'),
    // end
  })
  .meta({ id: 'ToyCar' })

/** Ids are strings on the wire. */
export const publicToyCar = publicFields(
  toyCars,
  ToyCarResponse,
  {
    id: sql<string>`${toyCars.id}::text`.as('id'),
    // if under
    toy_box: sql<string>`${toyCars.toy_box}::text`.as('toy_box'),
    // end
    // if ref
    $ref: sql<string>`${toyCars.$ref}::text`.as('$ref'),
    // end
  },
  // if account
  { exported: { owner: toyCars.creator } },
  // end
)
