// Defines the table of passkeys, and what their owner sees of one.
import { bigint, boolean, index, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { publicFields } from '../kit/data/public-fields.ts'
import { users } from '../account/table.ts'

export const passkeys = pgTable(
  'passkeys',
  {
    id: uuid().primaryKey().defaultRandom(),
    user_id: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** For its owner. */
    name: text().notNull(),
    // The rest but the times is what the kit's `StoredPasskey` says.
    credential_id: text().notNull(),
    public_key: text().notNull(),
    sign_count: bigint({ mode: 'number' }).notNull(),
    transports: text().array().notNull(),
    can_be_backed_up: boolean().notNull(),
    backed_up: boolean().notNull(),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    last_used: timestamp({ withTimezone: true }),
  },
  (t) => [
    uniqueIndex('passkeys_credential_id_unique').on(t.credential_id),
    index('passkeys_user').on(t.user_id),
  ],
)

export const PasskeyResponse = z
  .object({
    id: z.uuid(),
    name: z.string(),
    backed_up: z.boolean().describe('Whether it is kept beside its device, and so outlives it.'),
    created: z.iso.datetime(),
    last_used: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Passkey' })

export const publicPasskey = publicFields(passkeys, PasskeyResponse, {})
