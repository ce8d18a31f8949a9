// Keeps one-time tokens, which prove a mailbox or permission: each is mailed once, expires, and is spent by one request.
import { and, desc, eq, gt, gte, inArray, isNull, lt, notInArray, or, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { index, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { deleteInBatches } from '../data/batches.ts'
import { defineError } from '../types/api-error.ts'
import type { Db } from '../types/db.ts'
import type { Json } from '../types/json.ts'
import { digestOf, randomHex } from './token-text.ts'

/** The table, beside a product's accounts: export it from a `table.ts` of yours. */
export const oneTimeTokensTable = (users: { id: AnyPgColumn<{ columnType: 'PgUUID' }> }) =>
  pgTable(
    'one_time_tokens',
    {
      id: uuid().primaryKey().defaultRandom(),
      /** Whose it is; of an invitation, who invites. Null: a command, which only an invitation comes from. */
      user_id: uuid().references(() => users.id, { onDelete: 'cascade' }),
      purpose: text().notNull(),
      /** The mailbox that the token goes to. */
      email: text().notNull(),
      /** What else it is for: of an invitation the role. */
      details: jsonb().$type<Json>(),
      /** Of the token, which only its mail holds. Null until the mail leaves. */
      digest: text(),
      /** The address of the client that asked for it. */
      ip: text().notNull(),
      created: timestamp({ withTimezone: true }).notNull().defaultNow(),
      /** Null until the mail leaves. */
      expires: timestamp({ withTimezone: true }),
    },
    (t) => [
      uniqueIndex('one_time_tokens_digest_unique').on(t.digest),
      index('one_time_tokens_user').on(t.user_id),
      index('one_time_tokens_email').on(sql`lower(${t.email})`),
      index('one_time_tokens_expires').on(t.expires),
    ],
  )

export type OneTimeTokensTable = ReturnType<typeof oneTimeTokensTable>
export type OneTimeToken = OneTimeTokensTable['$inferSelect']
type Due = Pick<OneTimeToken, 'email' | 'ip'> & { userId: string | null; details?: Json }
type Found<Purpose> = OneTimeToken & (Purpose extends 'invitation' ? unknown : { user_id: string })

/** A link from a mail that does not count, or not any more: which of these it is nobody learns. */
export const tokenExpired = defineError(
  400,
  'token_expired',
  'This link has expired, was used, or was replaced by a newer one: ask for another',
)

export interface TokenRule {
  /** How long a token lives, in minutes, from when its mail leaves. */
  minutes: number
  /** By default asking again voids the older of the same purpose. */
  keepsOlder?: true
  /** The older are those to the same mailbox, whoever asked, not those of the same account. */
  isPerMailbox?: true
}

/** A mail that has not left by then never will: no job lasts longer. */
const UNSENT_DAYS = 7

const TOKEN_BYTES = 32
const TOKEN = /^[0-9a-f]{64}$/

/** The functions over a table of tokens, with a rule for each purpose. All take a transaction. */
export function createOneTimeTokens<Purpose extends string>(
  table: OneTimeTokensTable,
  rules: Record<Purpose, TokenRule>,
) {
  const isLive = (digest: string, purposes: readonly Purpose[]) =>
    and(eq(table.digest, digest), inArray(table.purpose, [...purposes]), gt(table.expires, sql`now()`))
  const isTo = (email: string) => eq(sql`lower(${table.email})`, sql`lower(${email})`)
  /** It is mailed, or about to be. */
  const isOut = or(isNull(table.expires), gt(table.expires, sql`now()`))

  return {
    /**
     * Writes down that a token is due, for the job that mails it. Nothing of the token exists before that job runs, so none
     * is in the queue or in an error.
     */
    async request(db: Db, { userId: user_id, ...asked }: Due & { purpose: Purpose }): Promise<OneTimeToken> {
      const { keepsOlder, isPerMailbox } = rules[asked.purpose]
      const older = isPerMailbox || user_id === null ? isTo(asked.email) : eq(table.user_id, user_id)
      if (!keepsOlder) await db.delete(table).where(and(older, eq(table.purpose, asked.purpose)))
      // Not when the transaction began: of two that wait for each other, the later change is the one that came later.
      const created = sql`clock_timestamp()`
      const [due] = await db
        .insert(table)
        .values({ ...asked, user_id, created })
        .returning()
      return due as OneTimeToken
    },

    /** What is due, or undefined if it was voided meanwhile. */
    async pending(db: Db, id: string): Promise<OneTimeToken | undefined> {
      const [row] = await db.select().from(table).where(eq(table.id, id))
      return row
    },

    /** The one that was requested last for this purpose, and for this mailbox if one is named, and lives. */
    async latest(
      db: Db,
      userId: string,
      purpose: Purpose,
      email?: string,
    ): Promise<OneTimeToken | undefined> {
      const [row] = await db
        .select()
        .from(table)
        .where(
          and(
            eq(table.user_id, userId),
            eq(table.purpose, purpose),
            email === undefined ? email : isTo(email),
            isOut,
          ),
        )
        .orderBy(desc(table.created))
        .limit(1)
      return row
    },

    /**
     * Makes the token for its mail; a job that runs again makes another, and the earlier one is void. Undefined if it was
     * voided meanwhile, or spent.
     * @param token as many hexadecimal digits, of what whoever spends it knows
     */
    async issue(
      db: Db,
      { id, purpose }: OneTimeToken,
      token = randomHex(TOKEN_BYTES),
    ): Promise<string | undefined> {
      const { minutes } = rules[purpose as Purpose]
      const issued = await db
        .update(table)
        .set({ digest: await digestOf(token), expires: sql`now() + make_interval(mins => ${minutes})` })
        .where(eq(table.id, id))
        .returning({ id: table.id })
      return issued.length === 0 ? undefined : token
    },

    /** Reads a live token's row and spends nothing: for what must be checked before. @throws tokenExpired */
    async find<P extends Purpose>(db: Db, token: string, ...purposes: P[]): Promise<Found<P>> {
      const found = TOKEN.test(token)
        ? await db
            .select()
            .from(table)
            .where(isLive(await digestOf(token), purposes))
        : []
      if (found[0] === undefined) throw tokenExpired()
      return found[0] as Found<P>
    },

    /** Spends a token: of two requests at once one gets it. @throws tokenExpired */
    async spend<P extends Purpose>(db: Db, token: string, ...purposes: P[]): Promise<Found<P>> {
      const spent = TOKEN.test(token)
        ? await db
            .delete(table)
            .where(isLive(await digestOf(token), purposes))
            .returning()
        : []
      if (spent[0] === undefined) throw tokenExpired()
      return spent[0] as Found<P>
    },

    /** Voids the tokens of an account, or to a mailbox: of all purposes, `only` of some, or of all `but` some, and of those what came `since`. */
    async revoke(
      db: Db,
      whose: string | { mailbox: string },
      { but = [], only, since }: { but?: Purpose[]; only?: Purpose[]; since?: Date | undefined } = {},
    ): Promise<void> {
      const others = only ? inArray(table.purpose, only) : notInArray(table.purpose, but)
      const newer = since && gte(table.created, since)
      const theirs = typeof whose === 'string' ? eq(table.user_id, whose) : isTo(whose.mailbox)
      await db.delete(table).where(and(theirs, newer ? or(others, newer) : others))
    },

    /** True while a token of this purpose is out to that mailbox, for another account than this one. */
    async isReserved(db: Db, purpose: Purpose, email: string, userId: string): Promise<boolean> {
      const found = await db
        .select({ id: table.id })
        .from(table)
        .where(and(isTo(email), eq(table.purpose, purpose), sql`${table.user_id} <> ${userId}`, isOut))
        .limit(1)
      return found.length > 0
    },

    /** Deletes what has expired, and what was never mailed. */
    async deleteExpired(db: Db, signal?: AbortSignal): Promise<void> {
      const unsent = sql`now() - make_interval(days => ${UNSENT_DAYS})`
      const neverSent = and(isNull(table.expires), lt(table.created, unsent))
      await deleteInBatches(db, table, sql`(${lt(table.expires, sql`now()`)} or ${neverSent})`, signal)
    },
  }
}
