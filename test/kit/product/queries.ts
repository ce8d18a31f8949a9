// Its SQL.
import { and, eq, sql } from 'drizzle-orm'
import { inLane } from '../../../src/kit/data/lanes.ts'
import { defineList } from '../../../src/kit/data/list.ts'
import { prepared } from '../../../src/kit/data/prepared.ts'
import { isVersion } from '../../../src/kit/data/version.ts'
import type { Db } from '../../../src/kit/types/db.ts'
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

const pageSize = { most: 1000, byDefault: 1000 }

export const memberList = defineList(publicMember, { pageSize })

/** The newest first. */
export const noteList = defineList(publicNote, {
  sort: '-written',
  filters: ['writer'],
  search: ['text'],
  pageSize,
  ignoresOthers: true,
})

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
