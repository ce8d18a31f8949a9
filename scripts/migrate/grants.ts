// The rights of the app's role, where migrations are applied by another one.
import type postgres from 'postgres'
import { findMissingRights, grantOf } from '../../src/kit/data/postgres/rights.ts'

const DEFAULTS = [
  'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES',
  'GRANT USAGE ON SEQUENCES', // of serial columns
]

/** The app's role, if it exists and does not have all that the migrator has. */
export async function findOtherRole(
  sql: postgres.ISql,
  app: string | undefined,
): Promise<string | undefined> {
  if (app === undefined) return undefined
  const [row] = await sql`
    select from pg_roles r join pg_roles own on own.rolname = current_user
    where r.rolname = ${app} and not pg_has_role(r.oid, own.oid, 'USAGE')`
  return row && app
}

/** What the migrator will make in public is the app's to use from the moment it is there. */
export async function grantFuture(sql: postgres.ISql, app: string): Promise<void> {
  for (const grant of DEFAULTS) {
    await sql.unsafe(`ALTER DEFAULT PRIVILEGES IN SCHEMA public ${grant} TO "${app.replaceAll('"', '""')}"`)
  }
}

/**
 * Gives the app what it needs on all that was made before, or elsewhere. Where it has some right already, what it lacks
 * was withheld, and stays so.
 * @returns on how many objects
 * @throws Error with the statements, if the migrator may not
 */
export async function grantPresent(sql: postgres.ISql, app: string): Promise<number> {
  const [own] = await sql<{ migrator: string }[]>`select current_user as migrator`
  const missing = await findMissingRights(sql, { role: app, migrator: own?.migrator })
  const statements = missing.filter(({ unusable }) => unusable).map((rights) => grantOf(rights, app))
  try {
    for (const statement of statements) await sql.unsafe(statement)
  } catch (error) {
    throw new Error(
      `The role "${app}" of DATABASE_URL lacks rights, and the one that migrates may not give them. ` +
        `Run as the owner of the tables:\n  ${statements.join('\n  ')}`,
      { cause: error },
    )
  }
  return statements.length
}
