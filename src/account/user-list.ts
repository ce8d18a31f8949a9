// Lists and searches accounts.
import { and, desc, ilike, or, sql } from 'drizzle-orm'
import { inLane } from '../kit/data/lanes.ts'
import { prepared } from '../kit/data/prepared.ts'
import { likePattern, searchPage } from '../kit/data/search.ts'
import { microsecondsOf, SHALLOW_OFFSET } from '../kit/http/paging.ts'
import type { Db } from '../kit/types/db.ts'
import { publicUser, users } from './table.ts'

const { columns } = publicUser

/** An account's position in the list: its creation time, to the microsecond, and its id. */
export type UserKey = [at: string, id: string]

/** The position before the newest account. */
const TOP: UserKey = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

const listColumns = {
  ...columns,
  at: microsecondsOf(users.created).as('at'),
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
