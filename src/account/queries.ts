// Holds all SQL about accounts. The fields that a client may see are selected by name.
import { and, desc, eq, gte, ilike, or, sql } from 'drizzle-orm'
import { inLane } from '../kit/data/lanes.ts'
import { prepared } from '../kit/data/prepared.ts'
import { likePattern, searchPage } from '../kit/data/search.ts'
import { SHALLOW_OFFSET } from '../kit/http/paging.ts'
import type { Db } from '../kit/types/db.ts'
import type { Role } from './roles.ts'
import { publicUser, users } from './table.ts'

const { columns } = publicUser

const byId = prepared(
  (db) =>
    db
      .select(columns)
      .from(users)
      .where(eq(users.id, sql.placeholder('id')))
      .prepare('user_by_id'),
  'accounts',
)

export type User = NonNullable<Awaited<ReturnType<typeof findUser>>>

/** The account, or undefined. */
export async function findUser(db: Db, id: string) {
  const [user] = await byId(db).execute({ id })
  return user
}

const byEmail = prepared(
  (db) =>
    db
      .select({ ...columns, hash: users.password })
      .from(users)
      .where(sql`lower(${users.email}) = lower(${sql.placeholder('email')})`)
      .prepare('user_by_email'),
  'accounts',
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
  const [user] = await db.insert(users).values(input).onConflictDoNothing().returning(columns)
  return user
}

/** Sets the role; undefined if there is no such account. Live sessions are another matter: see `change-role.ts`. */
export async function updateRole(db: Db, id: string, role: Role): Promise<User | undefined> {
  const [user] = await db
    .update(users)
    .set({ role, modified: sql`now()` })
    .where(eq(users.id, id))
    .returning(columns)
  return user
}

/** Replaces the password hash, unless it has changed since `was` was read. */
export async function replaceHash(db: Db, id: string, was: string, hash: string): Promise<void> {
  await db
    .update(users)
    .set({ password: hash })
    .where(and(eq(users.id, id), eq(users.password, was)))
}

/** Counts the accounts created since a moment; it reads only those, in an index. */
export const countUsersSince = (db: Db, since: Date) => db.$count(users, gte(users.created, since))

/** An account's position in the list: its creation time, to the microsecond, and its id. */
export type UserKey = [at: string, id: string]

/** The position before the newest account. */
const TOP: UserKey = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

const listColumns = {
  ...columns,
  at: sql<string>`to_char(${users.created} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('at'),
}
const position = sql`(${users.created}, ${users.id})`
const newestFirst = [desc(users.created), desc(users.id)]

const buildPage = (db: Db) =>
  db
    .select(listColumns)
    .from(users)
    .where(sql`${position} < (${sql.placeholder('at')}::timestamptz, ${sql.placeholder('id')}::uuid)`)
    .orderBy(...newestFirst)
    .limit(sql.placeholder('limit'))
    .offset(sql.placeholder('offset'))
    .prepare('users_page')

const page = prepared(buildPage, 'fast')
const deepPage = prepared(buildPage)

interface UserSpan {
  limit: number
  offset: number
  after?: UserKey | undefined
}

/** A page of accounts, newest first; `search` looks in the names and the email. */
export async function listUsers(db: Db, { search, ...span }: UserSpan & { search?: string | undefined }) {
  if (search !== undefined) return searchUsers(inLane(db, 'search'), search, span)
  const { after: [at, id] = TOP, limit, offset } = span
  return (offset > SHALLOW_OFFSET ? deepPage : page)(db).execute({ at, id, limit, offset })
}

/** Not prepared: Postgres plans each search for its text. */
function searchUsers(db: Db, search: string, { after: [at, id] = TOP, limit, offset }: UserSpan) {
  const pattern = likePattern(search)
  const matching = or(
    ilike(users.email, pattern),
    ilike(sql`${users.first_name} || ' ' || ${users.last_name}`, pattern),
  )
  const behind = sql`${position} < (${at}::timestamptz, ${id}::uuid)`
  /** The next rows of the list, aliased as the table. */
  const next = (rows: number) =>
    db
      .select()
      .from(users)
      .where(behind)
      .orderBy(...newestFirst)
      .limit(rows)
      .as('users')
  return searchPage(
    { limit, offset },
    {
      sample: (rows) => db.$count(next(rows), matching),
      scan: (rows) =>
        db
          .select(listColumns)
          .from(next(rows))
          .where(matching)
          .orderBy(...newestFirst)
          .limit(limit)
          .offset(offset),
      searchAll: () =>
        db
          .select(listColumns)
          .from(users)
          .where(and(matching, behind))
          // No index has this order: Postgres must not walk one.
          .orderBy(sql`${users.created} + interval '0' desc`, desc(users.id))
          .limit(limit)
          .offset(offset),
    },
  )
}
