// Declares the table of files, beside a product's accounts: export it from a `table.ts` of yours.
import { type AnyPgColumn, bigint, index, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'

/**
 * `pending`: made, its bytes are awaited. `checking`: they are there, and a check decides. `ready`: to be read, and referred to.
 * `refused`: the check said no, and the bytes are gone. `lost`: `npm run files -- check` found no bytes.
 */
export type FileState = 'pending' | 'checking' | 'ready' | 'refused' | 'lost'

/** What refers to a file says `onDelete: 'restrict'`: then nothing that is referred to is deleted, whoever tries. */
export const filesTable = (users: { id: AnyPgColumn<{ columnType: 'PgUUID' }> }) =>
  pgTable(
    'files',
    {
      id: uuid().primaryKey().defaultRandom(),
      /** Null once the account is gone: the sweep takes the file, as soon as nothing refers to it. */
      account: uuid().references(() => users.id, { onDelete: 'set null' }),
      purpose: text().notNull(),
      name: text().notNull(),
      type: text().notNull(),
      size: bigint({ mode: 'number' }).notNull(),
      /** Of the bytes, in hex. */
      sha256: text().notNull(),
      state: text().$type<FileState>().notNull().default('pending'),
      /** Where the store keeps the bytes, once they were found to be what they should be. */
      object: text(),
      created: timestamp({ withTimezone: true }).notNull().defaultNow(),
      /** When the state changed. */
      changed: timestamp({ withTimezone: true }).notNull().defaultNow(),
    },
    (t) => [
      // For quotas, and for lists.
      index('files_account_purpose').on(t.account, t.purpose),
      index('files_account_created').on(t.account, t.created, t.id),
      // For the sweep.
      index('files_state_changed').on(t.state, t.changed),
    ],
  )

export type FilesTable = ReturnType<typeof filesTable>
export type FileRow = FilesTable['$inferSelect']
