// Its SQL.
import { and, desc, eq, gt, ilike, sql } from 'drizzle-orm'
import { inLane } from '../../../src/kit/data/lanes.ts'
import { prepared } from '../../../src/kit/data/prepared.ts'
import { isVersion } from '../../../src/kit/data/version.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import type { Span } from '../../../src/kit/http/paging.ts'
import { likePattern, searchPage } from '../../../src/kit/data/search.ts'
import { members, notes, publicMember, publicNote, type Role } from './table.ts'

const memberById = prepared(
  (db) =>
    db
      .select(publicMember.columns)
      .from(members)
      .where(eq(members.id, sql.placeholder('id')))
      .prepare('member_by_id'),
  'accounts',
)

export type Member = NonNullable<Awaited<ReturnType<typeof findMember>>>

export async function findMember(db: Db, id: string) {
  const [member] = await memberById(db).execute({ id })
  return member
}

export async function findSecret(db: Db, email: string) {
  const columns = { ...publicMember.columns, secret: members.secret }
  const [found] = await inLane(db, 'accounts').select(columns).from(members).where(eq(members.email, email))
  if (found === undefined) return undefined
  const { secret, ...member } = found
  return { secret, member }
}

export async function addMember(db: Db, row: { email: string; secret: string }) {
  const [member] = await db.insert(members).values(row).onConflictDoNothing().returning(publicMember.columns)
  return member
}

export async function setRank(db: Db, id: string, rank: Role): Promise<void> {
  await db.update(members).set({ rank }).where(eq(members.id, id))
}

export const listMembers = (db: Db, { after = '', limit, offset }: Span<string>) =>
  db
    .select(publicMember.columns)
    .from(members)
    .where(gt(members.email, after))
    .orderBy(members.email)
    .limit(limit)
    .offset(offset)

/** A note's place in the list: when it was written, to the microsecond, and its id. */
export type NoteKey = [at: string, id: number]

const NEWEST: NoteKey = ['infinity', 2 ** 31 - 1]
const newestFirst = [desc(notes.written), desc(notes.id)]
const listColumns = {
  ...publicNote.columns,
  at: sql<string>`to_char(${notes.written} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('at'),
}
const behind = (at: unknown, id: unknown) =>
  sql`(${notes.written}, ${notes.id}) < (${at}::timestamptz, ${id}::int)`

const page = prepared(
  (db) =>
    db
      .select(listColumns)
      .from(notes)
      .where(behind(sql.placeholder('at'), sql.placeholder('id')))
      .orderBy(...newestFirst)
      .limit(sql.placeholder('limit'))
      .offset(sql.placeholder('offset'))
      .prepare('notes_page'),
  'fast',
)

/** A page of notes, newest first; `search` looks in the text. */
export function listNotes(
  db: Db,
  { search, after: [at, id] = NEWEST, limit, offset }: Span<NoteKey> & { search?: string | undefined },
) {
  if (search === undefined) return page(db).execute({ at, id, limit, offset })
  const lane = inLane(db, 'search')
  const matching = ilike(notes.text, likePattern(search))
  const next = (rows: number) =>
    lane
      .select()
      .from(notes)
      .where(behind(at, id))
      .orderBy(...newestFirst)
      .limit(rows)
      .as('notes')
  const select = () => lane.select(listColumns)
  return searchPage(
    { limit, offset },
    {
      sample: (rows) => lane.$count(next(rows), matching),
      scan: (rows) =>
        select()
          .from(next(rows))
          .where(matching)
          .orderBy(...newestFirst)
          .limit(limit)
          .offset(offset),
      searchAll: () =>
        select()
          .from(notes)
          .where(and(matching, behind(at, id)))
          .orderBy(sql`${notes.written} + interval '0' desc`, desc(notes.id))
          .limit(limit)
          .offset(offset),
    },
  )
}

const noteById = prepared(
  (db) =>
    db
      .select(publicNote.columns)
      .from(notes)
      .where(eq(notes.id, sql.placeholder('id')))
      .prepare('note_by_id'),
  'fast',
)

export async function findNote(db: Db, id: number) {
  const [note] = await noteById(db).execute({ id })
  return note
}

export async function addNote(db: Db, row: { text: string; writer: string }) {
  const [note] = await db.insert(notes).values(row).returning(publicNote.columns)
  if (note === undefined) throw new Error('insert returned no row')
  return note
}

const isNote = (id: number, versions?: readonly number[]) =>
  and(eq(notes.id, id), isVersion(notes.version, versions))

export async function changeNote(
  db: Db,
  id: number,
  { text }: { text?: string | undefined },
  versions?: readonly number[],
) {
  const where = isNote(id, versions)
  const [note] =
    text === undefined
      ? await db.select(publicNote.columns).from(notes).where(where)
      : await db.update(notes).set({ text }).where(where).returning(publicNote.columns)
  return note
}

export async function dropNote(db: Db, id: number, versions?: readonly number[]) {
  const [note] = await db.delete(notes).where(isNote(id, versions)).returning(publicNote.columns)
  return note
}
