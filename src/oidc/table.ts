// Defines the table of logins at other providers that open accounts, and what their owner sees of one.
import { index, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../account/table.ts'
import { publicFields } from '../kit/data/public-fields.ts'

export const identities = pgTable(
  'identities',
  {
    id: uuid().primaryKey().defaultRandom(),
    user_id: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** Which provider it is, for its owner: the name in the settings when it was linked. */
    provider: text().notNull(),
    /** These two name it for ever; the email may be another's some day. */
    issuer: text().notNull(),
    subject: text().notNull(),
    /** What the provider said when it was linked, for its owner to tell it from others. */
    email: text(),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    last_used: timestamp({ withTimezone: true }),
  },
  (t) => [
    uniqueIndex('identities_issuer_subject_unique').on(t.issuer, t.subject),
    index('identities_user').on(t.user_id),
  ],
)

export const IdentityResponse = z
  .object({
    id: z.uuid(),
    provider: z.string(),
    email: z.string().nullable().describe('What the provider said; it decides nothing.'),
    created: z.iso.datetime(),
    last_used: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Identity' })

export const publicIdentity = publicFields(identities, IdentityResponse, {})
