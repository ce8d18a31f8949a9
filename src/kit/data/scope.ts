// Says who asks: what queries about rows that belong to accounts take first, and how such a query is prepared.
import { sql } from 'drizzle-orm'
import type { Db } from '../types/db.ts'
import type { Lane } from './lanes.ts'
import { prepared } from './prepared.ts'

/** The nil UUID, which no account has. */
export const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Who asks, and where. Whose rows that reaches, a rule beside the queries says: a function from it to a condition. */
export interface Scope<Role extends string = string> {
  readonly db: Db
  /** The account that asks; `NOBODY` for a visitor. While a query is prepared it is a placeholder: compare it in SQL alone. */
  readonly me: string
  /** Null: a visitor. */
  readonly role: Role | null
}

/** Stands for `me` while a query is prepared, and gets its value at `execute`. */
export const ME = sql.placeholder('me') as unknown as string

interface Query<Rows> {
  execute(values?: Record<string, unknown>): Promise<Rows>
}

/**
 * Prepares a query once for each role and database, as `prepared` does, so that a rule may give each role a condition of its own.
 * @param build its inputs are `sql.placeholder('name')`, and the scope's `me`
 * @param lane the connections to use (see `lanes.ts`)
 * @returns runs it for a scope; `values` are those of the placeholders
 */
export function scoped<Rows, Role extends string>(
  build: (scope: Scope<Role>) => Query<Rows>,
  lane?: Lane,
): (scope: Scope<Role>, values?: Record<string, unknown>) => Promise<Rows> {
  const byRole = new Map<Role | null, (db: Db) => Query<Rows>>()
  return ({ db, me, role }, values) => {
    let query = byRole.get(role)
    if (query === undefined) {
      query = prepared((built) => build({ db: built, me: ME, role }), lane)
      byRole.set(role, query)
    }
    return query(db).execute({ ...values, me })
  }
}
