// Holds the SQL about one account; that of the list is in `user-list.ts`. What a client may see is selected by name.
import { and, eq, exists, gt, gte, inArray, isNull, lte, ne, or, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { prepared } from '../kit/data/prepared.ts'
import { NOBODY } from '../kit/data/scope.ts'
import type { Db } from '../kit/types/db.ts'
import { tokens } from './one-time-tokens.ts'
import type { Role } from './roles.ts'
import { publicUser, users } from './table.ts'

const { columns } = publicUser

/** An account whose time has come is not there any more, though its row may be for a while. */
const isThere = or(isNull(users.deletes), gt(users.deletes, sql`now()`))

const byId = prepared(
  (db) =>
    db
      .select(columns)
      .from(users)
      .where(and(eq(users.id, sql.placeholder('id')), isThere))
      .prepare('user_by_id'),
  'accounts',
)

export type User = NonNullable<Awaited<ReturnType<typeof findUser>>>

/** The account, or undefined. */
export async function findUser(db: Db, id: string) {
  const [user] = await byId(db).execute({ id })
  return user
}

const storedHash = sql<string | null>`coalesce(${users.password}, ${users.temporary_password})`

/** `isTemporary`: the password opens nothing but the choice of another. */
const loginBy = (name: string, where: SQL) =>
  prepared(
    (db) =>
      db
        .select({
          user: columns,
          hash: storedHash,
          isTemporary: sql<boolean>`${users.password} is null and ${users.temporary_password} is not null`,
        })
        .from(users)
        .where(and(where, isThere))
        .prepare(name),
    'accounts',
  )
const byEmail = loginBy('user_by_email', sql`lower(${users.email}) = lower(${sql.placeholder('email')})`)
const loginById = loginBy('user_login_by_id', eq(users.id, sql.placeholder('id')))

/** The account and its password hash, for the login; the email is compared without regard to case. */
export async function findUserWithHash(db: Db, email: string) {
  const [found] = await byEmail(db).execute({ email })
  return found
}

/** The same by id. */
export async function findUserWithHashById(db: Db, id: string) {
  const [found] = await loginById(db).execute({ id })
  return found
}

/** One that was made up for the first login counts as well. */
export const isPasswordSet = async (db: Db, id: string): Promise<boolean> =>
  Boolean((await findUserWithHashById(db, id))?.hash)

export type NewUser = typeof users.$inferInsert

/** Inserts an account; undefined if the email is taken, however its letters are cased. */
export async function createUser(db: Db, input: NewUser): Promise<User | undefined> {
  const [user] = await db.insert(users).values(input).onConflictDoNothing().returning(columns)
  return user
}

/** Replaces the password hash, unless it has changed since `was` was read. */
export async function replaceHash(db: Db, id: string, was: string, hash: string): Promise<void> {
  await db
    .update(users)
    .set({ password: hash })
    .where(and(eq(users.id, id), eq(users.password, was)))
}

/** True if the email is another account's than this one's, or was until lately and may be taken back. */
export async function isEmailTaken(db: Db, email: string, userId: string = NOBODY): Promise<boolean> {
  const [other] = await db
    .select({ id: users.id })
    .from(users)
    .where(and(sql`lower(${users.email}) = lower(${email})`, ne(users.id, userId)))
    .limit(1)
  return other !== undefined || tokens.isReserved(db, 'take_back', email, userId)
}

/** A `password` of null leaves none, but for a `temporary_password` beside it: then only a mail lets its owner in again. */
export type AccountChange = PgUpdateSetSource<typeof users>

/** Changes an account's row; undefined if it is gone, or if its hash is not `was` any more. */
export async function updateUser(
  db: Db,
  id: string,
  change: AccountChange,
  { was }: { was?: string | null } = {},
): Promise<User | undefined> {
  const ended = change.password === undefined ? {} : { temporary_password: null }
  const isAsBefore = was === undefined ? undefined : sql`${storedHash} is not distinct from ${was}`
  const [user] = await db
    .update(users)
    .set({ ...ended, ...change, modified: sql`now()` })
    .where(and(eq(users.id, id), isThere, isAsBefore))
    .returning(columns)
  return user
}

const isDue = lte(users.deletes, sql`now()`)

/** Accounts whose time has come, the first ones first. */
export const findDueUsers = (db: Db) =>
  db.select({ id: users.id }).from(users).where(isDue).orderBy(users.deletes).limit(1000)

/** Deletes an account whose time has come, and the links that others have asked to be mailed to it; false if there is none. */
export async function deleteDueUser(tx: Db, id: string): Promise<boolean> {
  const ofDue = and(eq(users.id, id), isDue)
  const [gone] = await tx.delete(users).where(ofDue).returning({ email: users.email })
  if (gone !== undefined) await tokens.revoke(tx, { mailbox: gone.email }, { but: ['take_back'] })
  return gone !== undefined
}

/** Locks the account's row until the transaction ends. */
export const lockUser = (tx: Db, id: string) =>
  tx.select({ id: users.id }).from(users).where(eq(users.id, id)).for('no key update')

/**
 * Locks these accounts and, if one of them has the role, all that have it, in the order of their ids: transactions that do so
 * wait for each other, and never deadlock. One that gets the role at this moment may be found without the others.
 */
export function lockWithRole(tx: Db, role: Role, ...ids: string[]) {
  const isNamed = inArray(users.id, ids)
  const hasRole = eq(users.role, role)
  const isOneNamed = exists(tx.select({ id: users.id }).from(users).where(and(isNamed, hasRole)))
  return tx
    .select({ id: users.id, role: users.role, deletes: users.deletes })
    .from(users)
    .where(or(isNamed, and(hasRole, isOneNamed)))
    .orderBy(users.id)
    .for('no key update')
}

/** Counts the accounts created since a moment; it reads only those, in an index. */
export const countUsersSince = (db: Db, since: Date) => db.$count(users, gte(users.created, since))
