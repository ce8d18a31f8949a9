// What an account may take with it: all that the service holds of it, as one JSON value.
import type { Job } from '../jobs/task.ts'
import type { Db } from '../types/db.ts'
import type { Deps } from './product.ts'
import { findUser } from './queries.ts'

/** What a slice holds of an account, a page at a time, in an order that stays. */
export type ExportPart = (
  db: Db,
  userId: string,
  page: { limit: number; offset: number },
) => Promise<object[]>

const PAGE = 200
/** Bytes of JSON: the result lies in Redis, which must not evict it. */
const MAX_SIZE = 512 * 1024
const bytesOf = (row: object) => new TextEncoder().encode(`${JSON.stringify(row)},`).length

/** Longer than a job may wait and its result be kept. */
const REMEMBERED_S = 2 * 24 * 60 * 60

/**
 * The account, its live sessions, and what `parts` hold of it. Past about half a megabyte rows are left out, and
 * `incomplete` names the parts where: the rest is in the lists of the API. Undefined if the account is gone.
 */
export async function exportAccount(
  { db, sessions }: Pick<Deps, 'db' | 'sessions'>,
  userId: string,
  parts: Record<string, ExportPart>,
  job: Pick<Job, 'progress' | 'signal'>,
) {
  const account = await findUser(db, userId)
  if (account === undefined) return undefined
  const identities = await sessions.allOf(userId)
  // Named one by one: what a session holds besides, and by what it is found, is nobody's to read.
  const logins = identities
    .toSorted((a, b) => b.loginAt - a.loginAt)
    .map(({ loginAt, ip, agent }) => ({ loggedIn: new Date(loginAt), ip, agent }))
  const all = Object.entries<ExportPart>({
    sessions: async (_db, _userId, { limit, offset }) => logins.slice(offset, offset + limit),
    ...parts,
  })

  const holdings: Record<string, object[]> = {}
  const incomplete: string[] = []
  let room = MAX_SIZE
  for (const [i, [name, part]] of all.entries()) {
    const rows: object[] = []
    for await (const row of rowsOf(part, db, userId, job.signal)) {
      const size = bytesOf(row)
      if (size > room) {
        incomplete.push(name)
        break
      }
      room -= size
      rows.push(row)
    }
    holdings[name] = rows
    job.progress((i + 1) / all.length)
  }
  return { exported: new Date(), account, ...holdings, incomplete }
}

/** Of an account's exports the newest is kept. They never run at once: the task is unique for the account. */
export async function forgetEarlierExport(
  { store, forgetJob }: Pick<Deps, 'store' | 'forgetJob'>,
  userId: string,
  id: string,
): Promise<void> {
  const key = `export:kept:${userId}`
  const earlier = await store.get<string>(key)
  if (earlier !== undefined && earlier !== id) await forgetJob(earlier)
  await store.set(key, id, REMEMBERED_S)
}

async function* rowsOf(part: ExportPart, db: Db, userId: string, signal: AbortSignal) {
  for (let offset = 0; ; offset += PAGE) {
    signal.throwIfAborted()
    const page = await part(db, userId, { limit: PAGE, offset })
    yield* page
    if (page.length < PAGE) return
  }
}
