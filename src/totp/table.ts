// Defines the table of codes by an app, and what the export of an account's data shows of them.
import { bigint, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../account/table.ts'
import { sealedText, SealedColumn } from '../kit/auth/sealed-columns.ts'
import { publicFields } from '../kit/data/public-fields.ts'

export const totp = pgTable('totp', {
  user_id: uuid()
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  /** What the app and the service share, in base32. */
  seed: sealedText().notNull(),
  /** The half minute of the last code that counted: neither that one counts again, nor one before it. */
  last_step: bigint({ mode: 'number' }).notNull(),
  /** Digests of the recovery codes that were not used yet. */
  recovery_codes: text().array().notNull(),
  created: timestamp({ withTimezone: true }).notNull().defaultNow(),
  codes_made: timestamp({ withTimezone: true }).notNull().defaultNow(),
})

export const totpSeed = new SealedColumn(totp.seed, { owner: totp.user_id, purpose: 'totp' })

export const publicTotp = publicFields(totp, z.object({ created: z.iso.datetime() }), {})
