// Defines the users table and what a client sees of an account.
import { sql } from 'drizzle-orm'
import { index, pgEnum, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { accessTokensTable } from '../kit/auth/access-tokens.ts'
import { oneTimeTokensTable } from '../kit/auth/one-time-tokens.ts'
import { publicFields } from '../kit/data/public-fields.ts'
import { idempotencyKeysTable } from '../kit/http/idempotency.ts'
import { ROLES, roles, type Role } from './roles.ts'

export const userRole = pgEnum('user_role', ROLES)

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey().defaultRandom(),
    email: text().notNull(),
    /**
     * How the email was verified: by a `mail` of ours, a `provider` at which its owner logged in, an `operator`, or `earlier` than there
     * were mails. Null: not yet.
     */
    email_proof: text().$type<'mail' | 'provider' | 'operator' | 'earlier'>(),
    /** An argon2id hash, null for none. Only functions of `queries.ts` that say so return it. */
    password: text(),
    /**
     * The hash of a password that was made up for them: it opens nothing but the choice of another. Apart from `password`, so that
     * nothing takes it for one.
     */
    temporary_password: text(),
    first_name: text().notNull(),
    last_name: text().notNull(),
    company: text(),
    role: userRole().notNull().default('editor'),
    tags: text().array().notNull().default([]),
    /** When it is deleted, if its owner has asked for that: until then they can undo it, and from then on nobody finds it. */
    deletes: timestamp({ withTimezone: true }),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    modified: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    // Emails that differ only in case are one account.
    uniqueIndex('users_email_unique').on(sql`lower(${t.email})`),
    // The order of GET /api/users, read backwards.
    index('users_created_id').on(t.created, t.id),
    // For the job that deletes those whose time has come.
    index('users_deletes')
      .on(t.deletes)
      .where(sql`${t.deletes} is not null`),
    // For the rule that the last of them stays.
    index('users_superusers')
      .on(t.id)
      .where(sql`${t.role} = 'superuser'`),
    // For searches.
    index('users_search').using(
      'gin',
      t.email.op('gin_trgm_ops'),
      sql`(${t.first_name} || ' ' || ${t.last_name}) gin_trgm_ops`,
    ),
  ],
)

/** In examples one that opens something. */
export const RoleName = z.enum(ROLES).meta({ examples: roles.admitted.slice(0, 1) })

export const UserResponse = z
  .object({
    id: z.uuid(),
    email: z.string(),
    verified: z.boolean().describe('Whether a mail has shown that the email is theirs.'),
    first_name: z.string(),
    last_name: z.string(),
    fullname: z.string(),
    company: z.string().nullable(),
    role: RoleName,
    tags: z.array(z.string()).meta({ examples: [['beta']] }),
    deletes: z.iso
      .datetime()
      .nullable()
      .describe('When it is deleted; until then its owner can undo that.')
      .meta({ examples: [null] }),
    created: z.iso.datetime(),
    modified: z.iso.datetime(),
  })
  .meta({ id: 'User' })

/** The fields of an account that leave Postgres; only the login reads the password hash as well. */
export const publicUser = publicFields(users, UserResponse, {
  verified: sql<boolean>`${users.email_proof} is not null`.as('verified'),
  fullname: sql<string>`trim(${users.first_name} || ' ' || ${users.last_name})`.as('fullname'),
})

/** Links in mails that wait to be used: see `one-time-tokens.ts`. */
export const oneTimeTokens = oneTimeTokensTable(users)

/** In the export of an account's data: what was asked for, and where it was mailed. */
export const publicOneTimeToken = publicFields(
  oneTimeTokens,
  z.object({
    purpose: z.string(),
    email: z.string(),
    ip: z.string(),
    created: z.iso.datetime(),
    expires: z.iso.datetime().nullable(),
  }),
  {},
)

export const InvitationResponse = z
  .object({
    id: z.uuid(),
    email: z.string(),
    role: RoleName,
    invited_by: z.uuid().nullable().describe('The account; null: a command.'),
    created: z.iso.datetime(),
    expires: z.iso.datetime().nullable().describe('Null until its mail leaves.'),
  })
  .meta({ id: 'Invitation' })

export const publicInvitation = publicFields(
  oneTimeTokens,
  InvitationResponse,
  {
    role: sql<Role>`${oneTimeTokens.details} ->> 'role'`.as('role'),
    invited_by: oneTimeTokens.user_id,
  },
  { exported: false },
)

/** With which programs act for an account: see `access-tokens.ts`. */
export const accessTokens = accessTokensTable(users)

export const AccessTokenResponse = z
  .object({
    id: z.uuid(),
    name: z.string(),
    abilities: z.array(z.string()),
    created: z.iso.datetime(),
    expires: z.iso.datetime().nullable(),
    last_used: z.iso.datetime().nullable().describe('To the minute.'),
  })
  .meta({ id: 'AccessToken' })

export const publicAccessToken = publicFields(accessTokens, AccessTokenResponse, {})

/** The answers of requests that may be sent again, for a day: `idempotent` of `product.ts` keeps them. */
export const idempotencyKeys = idempotencyKeysTable(users)

export const publicIdempotencyKey = publicFields(idempotencyKeys, z.object({}), {}, { exported: false })
