// What an account may take with it: all that the service holds of it, as one JSON value.
import { collectWithin, findOwned, ownedRows, type Schema } from '../kit/data/owned-rows.ts'
import type { Job } from '../kit/jobs/task.ts'
import type { Deps } from './product.ts'
import { findUser } from './queries.ts'
import { users } from './table.ts'

/** Bytes of JSON: the result lies in Redis, which must not evict it. */
const MAX_SIZE = 512 * 1024

/** Longer than a job may wait and its result be kept. */
const REMEMBERED_S = 2 * 24 * 60 * 60

/** What an export takes: `schema` has every table of the service, and what each declares. */
export type ExportDeps = Pick<Deps, 'db' | 'sessions'> & { schema: Schema }

/**
 * The account, its live sessions, and its rows in every table that refers to accounts: the fields that the table
 * declares. Past about half a megabyte rows are left out, and `incomplete` names the parts where: the rest is in the
 * lists of the API. Undefined if the account is gone.
 */
export async function exportAccount(
  { db, sessions, schema }: ExportDeps,
  userId: string,
  job: Pick<Job, 'log' | 'progress' | 'signal'>,
) {
  const account = await findUser(db, userId)
  if (account === undefined) return undefined
  const identities = await sessions.allOf(userId)
  // Named one by one: what a session holds besides, and by what it is found, is nobody's to read.
  const logins = identities
    .toSorted((a, b) => b.loginAt - a.loginAt)
    .map(({ loginAt, ip, agent }) => ({ loggedIn: new Date(loginAt), ip, agent }))
  const { owned, leftOut } = findOwned(schema, users)
  if (leftOut.length > 0) job.log.warn('tables that refer to accounts are in no export', { leftOut })
  const parts = Object.entries(owned).map(
    ([name, table]) => [name, ownedRows(db, table, userId, job.signal)] as const,
  )
  const sources = { sessions: logins, ...Object.fromEntries(parts) }
  const { collected, incomplete } = await collectWithin(MAX_SIZE, sources, job)
  return { exported: new Date(), account, ...collected, incomplete }
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
