// Keeps personal access tokens, with which programs act for an account: a digest in a table, and for a minute in Redis.
import { and, desc, eq, gt, isNull, lt, or, sql } from 'drizzle-orm'
import { index, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { AnyPgColumn, PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { prepared } from '../data/prepared.ts'
import type { KitDeps } from '../deps.ts'
import { defineError } from '../types/api-error.ts'
import type { Db } from '../types/db.ts'
import type { Store } from '../types/store.ts'
import { hasChecksum, isWellFormed, makeToken } from './access-token-text.ts'

/** The table, beside a product's accounts: export it from a `table.ts` of yours. */
export const accessTokensTable = (users: { id: AnyPgColumn<{ columnType: 'PgUUID' }> }) =>
  pgTable(
    'access_tokens',
    {
      id: uuid().primaryKey().defaultRandom(),
      user_id: uuid()
        .notNull()
        .references(() => users.id, { onDelete: 'cascade' }),
      /** For its owner. */
      name: text().notNull(),
      /** What it may do: `read`, `write`, or an ability that a module has of its own. */
      abilities: text().array().notNull(),
      /** Of the token, which only its owner has. */
      digest: text().notNull(),
      created: timestamp({ withTimezone: true }).notNull().defaultNow(),
      /** Null: never. */
      expires: timestamp({ withTimezone: true }),
      /** To the minute. */
      last_used: timestamp({ withTimezone: true }),
    },
    (t) => [
      uniqueIndex('access_tokens_digest_unique').on(t.digest),
      index('access_tokens_user').on(t.user_id),
    ],
  )

export const tooManyTokens = defineError(
  409,
  'too_many_tokens',
  'There are too many tokens: delete one first',
)

/** An expired token stays in its owner's list for so long, and then until the account makes another. */
const SHOWN_DAYS = 30

/** For so long a token is known without Postgres, and its last use is not written again. */
const KEPT_S = 60

/** A token that may be used, as Redis keeps it. A type, not an interface: only a type counts as JSON. */
export type KnownToken = {
  id: string
  userId: string
  role: string
  abilities: string[]
  expires: number | null
}

interface Options {
  /** The table of accounts. */
  users: PgTable & { id: PgColumn }
  /** What begins each token, so that scanners for secrets find one in a repository: lowercase letters. */
  prefix: string
  /** How many an account may have that have not expired. */
  perAccount: number
  /** The role of an account at this moment; undefined if it is gone. */
  roleOf(this: void, deps: Pick<KitDeps, 'config' | 'db'>, userId: string): Promise<string | undefined>
}

/** The functions over a table of tokens. */
export function createAccessTokens(
  table: ReturnType<typeof accessTokensTable>,
  { users, prefix, perAccount, roleOf }: Options,
) {
  const { id, name, abilities, created, expires, last_used } = table
  /** What its owner sees of one. */
  const columns = { id, name, abilities, created, expires, last_used }
  const isLive = or(isNull(expires), gt(expires, sql`now()`))

  const byDigest = prepared(
    (db) =>
      db
        .select({ id, userId: table.user_id, abilities, expires })
        .from(table)
        .where(and(eq(table.digest, sql.placeholder('digest')), isLive))
        .prepare('access_token_by_digest'),
    'accounts',
  )
  const markUsed = prepared((db) =>
    db
      .update(table)
      .set({
        last_used: sql`case when ${last_used} > now() - interval '1 minute' then ${last_used} else now() end`,
      })
      .where(eq(id, sql.placeholder('id')))
      .returning({ id })
      .prepare('access_token_used'),
  )

  async function read(deps: Pick<KitDeps, 'config' | 'db'>, digest: string): Promise<KnownToken | undefined> {
    const [row] = await byDigest(deps.db).execute({ digest })
    const role = row && (await roleOf(deps, row.userId))
    return row && role !== undefined ? { ...row, role, expires: row.expires?.getTime() ?? null } : undefined
  }

  /**
   * Keeps it in Redis, unless a change has come since it was read: then each request reads it, until nobody is left who saw the state of
   * before. Looks again for a reader that was stopped for longer; the update waits for a transaction that deletes the token.
   */
  async function keep(
    deps: Pick<KitDeps, 'config' | 'db' | 'store'>,
    digest: string,
    known: KnownToken,
  ): Promise<KnownToken | undefined> {
    await deps.store.add(keyOf(digest), known, KEPT_S)
    const isThere = (await markUsed(deps.db).execute({ id: known.id })).length > 0
    const role = isThere ? await roleOf(deps, known.userId) : undefined
    if (role !== known.role) await forget(deps.store, [{ digest }])
    return role === undefined ? undefined : { ...known, role }
  }

  return {
    /** True for what looks like a token of ours: it is none of a session. */
    isToken: (bearer: string) => bearer.startsWith(`${prefix}_`),

    /**
     * Makes one; its text is shown this once. Takes a transaction, in which the account's row is locked from then on: no change of
     * the account passes it by.
     * @throws tooManyTokens
     */
    async create(
      tx: Db,
      { userId, days, ...row }: { userId: string; name: string; abilities: string[]; days: number | null },
    ) {
      await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update')
      const isTheirs = eq(table.user_id, userId)
      await tx
        .delete(table)
        .where(and(isTheirs, lt(expires, sql`now() - make_interval(days => ${SHOWN_DAYS})`)))
      if ((await tx.$count(table, and(isTheirs, isLive))) >= perAccount) throw tooManyTokens()
      const { token, digest } = await makeToken(prefix)
      const [made] = await tx
        .insert(table)
        .values({
          ...row,
          user_id: userId,
          digest,
          expires: days === null ? null : sql`now() + make_interval(days => ${days})`,
        })
        .returning(columns)
      if (made === undefined) throw new Error('insert returned no row')
      return { ...made, token }
    },

    list: (db: Db, userId: string) =>
      db.select(columns).from(table).where(eq(table.user_id, userId)).orderBy(desc(created)),

    /** Ends one; false if the account has no such token. Takes a transaction. */
    async delete({ store }: { store: Store }, tx: Db, userId: string, tokenId: string): Promise<boolean> {
      const mine = and(eq(table.user_id, userId), eq(id, tokenId))
      return (await forget(store, await tx.delete(table).where(mine).returning())) > 0
    },

    /** Ends all of an account. Takes a transaction. */
    async deleteAllOf({ store }: { store: Store }, tx: Db, userId: string): Promise<void> {
      await forget(store, await tx.delete(table).where(eq(table.user_id, userId)).returning())
    },

    /** To be called when the role of an account has changed: its tokens have it from their next request on. */
    async refreshAllOf({ db, store }: Pick<KitDeps, 'db' | 'store'>, userId: string): Promise<void> {
      await forget(store, await db.select().from(table).where(eq(table.user_id, userId)))
    },

    /** The token, if it may be used. In most minutes of its use all but the first request cost no SQL. */
    async open(
      deps: Pick<KitDeps, 'config' | 'db' | 'digest' | 'store'>,
      token: string,
    ): Promise<KnownToken | undefined> {
      if (!isWellFormed(token, prefix)) return undefined
      const digest = deps.digest(token)
      const kept = await deps.store.get<KnownToken | null>(keyOf(digest))
      const known = kept ?? ((await hasChecksum(token)) ? await read(deps, digest) : undefined)
      if (known === undefined || (known.expires !== null && known.expires <= Date.now())) return undefined
      return kept ?? keep(deps, digest, known)
    },
  }
}

const keyOf = (digest: string) => `access-token:${digest}`

/** In place of what was kept: removed, it would make room for a request that has read it before the change and keeps it after. */
const forget = async (store: Store, rows: { digest: string }[]): Promise<number> => {
  await Promise.all(rows.map(({ digest }) => store.set(keyOf(digest), null, KEPT_S)))
  return rows.length
}
