// Its tables: members, and the notes that they write.
import { index, pgEnum, pgTable, serial, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { SealedColumn, sealedText } from '../../../src/kit/auth/sealed-columns.ts'
import { defineRoles } from '../../../src/kit/types/roles.ts'
import { idempotencyKeysTable } from '../../../src/kit/http/idempotency.ts'
import { publicFields } from '../../../src/kit/data/public-fields.ts'
import { version } from '../../../src/kit/data/version.ts'

export const roles = defineRoles(['banned', 'reader', 'writer', 'owner'], { barred: ['banned'] })
export type Role = (typeof roles.names)[number]

export const memberRank = pgEnum('member_rank', roles.names)

export const members = pgTable(
  'members',
  {
    id: uuid().primaryKey().defaultRandom(),
    email: text().notNull(),
    secret: text().notNull(),
    rank: memberRank().notNull().default('writer'),
    joined: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [unique('members_email').on(t.email)],
)

export const MemberResponse = z
  .object({ id: z.uuid(), email: z.string(), role: z.enum(roles.names) })
  .meta({ id: 'Member' })

export const publicMember = publicFields(members, MemberResponse, { role: members.rank })

export const notes = pgTable(
  'notes',
  {
    id: serial().primaryKey(),
    text: text().notNull(),
    writer: uuid()
      .notNull()
      .references(() => members.id, { onDelete: 'cascade' }),
    written: timestamp({ withTimezone: true }).notNull().defaultNow(),
    version: version(),
  },
  (t) => [
    index('notes_written_id').on(t.written, t.id),
    index('notes_writer_id').on(t.writer, t.id),
    index('notes_search').using('gin', t.text.op('gin_trgm_ops')),
  ],
)

export const idempotencyKeys = idempotencyKeysTable(members)

/** Where a member locks things up. */
export const safes = pgTable('safes', {
  member: uuid()
    .primaryKey()
    .references(() => members.id, { onDelete: 'cascade' }),
  code: sealedText(),
})

export const codeOfSafe = new SealedColumn(safes.code, { owner: safes.member, purpose: 'safe' })

export const NoteResponse = z
  .object({ id: z.int(), text: z.string(), writer: z.uuid(), written: z.iso.datetime(), version: z.int() })
  .meta({ id: 'Note' })

export const publicNote = publicFields(notes, NoteResponse, {})
