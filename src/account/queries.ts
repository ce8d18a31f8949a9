// All SQL about accounts. What a client may see of one is `userColumns`; the hash is not among it.
import { and, count, desc, eq, getTableColumns, gte, ilike, or, sql } from 'drizzle-orm'
import type { Db, Role } from '../deps.ts'
import { prepared } from '../prepared.ts'
import { containing } from '../web/search.ts'
import { users } from './table.ts'

const { password: _secret, ...publicColumns } = getTableColumns(users)

const userColumns = {
  ...publicColumns,
  fullname: sql<string>`trim(${users.first_name} || ' ' || ${users.last_name})`.as('fullname'),
}

const byId = prepared((db) =>
  db
    .select(userColumns)
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('user_by_id'),
)

export type User = NonNullable<Awaited<ReturnType<typeof findUser>>>

/** The account, or undefined. */
export async function findUser(db: Db, id: string) {
  const [user] = await byId(db).execute({ id })
  return user
}

const byEmail = prepared((db) =>
  db
    .select({ ...userColumns, hash: users.password })
    .from(users)
    .where(sql`lower(${users.email}) = lower(${sql.placeholder('email')})`)
    .prepare('user_by_email'),
)

/** The account and its password hash, for the login; the email is compared without regard to case. */
export async function findUserWithHash(db: Db, email: string) {
  const [found] = await byEmail(db).execute({ email })
  if (found === undefined) return undefined
  const { hash, ...user } = found
  return { user, hash }
}

export interface NewUser {
  email: string
  /** The hash, never the password itself. */
  password: string
  first_name: string
  last_name: string
  company?: string | null | undefined
  role?: Role
}

/** Inserts an account; undefined if the email is taken, however its letters are cased. */
export async function createUser(db: Db, input: NewUser): Promise<User | undefined> {
  const [user] = await db.insert(users).values(input).onConflictDoNothing().returning(userColumns)
  return user
}

/** Sets the role; undefined if there is no such account. Live sessions are another matter: see `account/roles`. */
export async function updateRole(db: Db, id: string, role: Role): Promise<User | undefined> {
  const [user] = await db
    .update(users)
    .set({ role, modified: sql`now()` })
    .where(eq(users.id, id))
    .returning(userColumns)
  return user
}

/** Replaces the password hash, unless it has changed since `was` was read. */
export async function replaceHash(db: Db, id: string, was: string, hash: string): Promise<void> {
  await db
    .update(users)
    .set({ password: hash })
    .where(and(eq(users.id, id), eq(users.password, was)))
}

/** How many accounts there are, and how many of them were made since a moment. */
export async function countUsersSince(db: Db, since: Date): Promise<{ all: number; fresh: number }> {
  const [row] = await db
    .select({ all: count(), fresh: sql<number>`(count(*) filter (where ${gte(users.created, since)}))::int` })
    .from(users)
  return row ?? { all: 0, fresh: 0 }
}

/** A page of accounts, newest first; `search` looks in the names and the email. */
export function listUsers(db: Db, input: { search?: string | undefined; limit: number; offset: number }) {
  const pattern = input.search === undefined ? undefined : containing(input.search)
  return db
    .select(userColumns)
    .from(users)
    .where(
      pattern === undefined
        ? undefined
        : or(
            ilike(users.email, pattern),
            ilike(sql`${users.first_name} || ' ' || ${users.last_name}`, pattern),
          ),
    )
    .orderBy(desc(users.created), desc(users.id))
    .limit(input.limit)
    .offset(input.offset)
}
