// Roles of Postgres for tests: each has a name and a password of its own, and is gone when the test ends.
import { randomBytes } from 'node:crypto'
import { withConnection } from '../../../scripts/connection.ts'

export type TestRole = Awaited<ReturnType<typeof createRole>>

/** Creates a role that may log in and nothing else. Drop it after the databases where it has rights. */
export async function createRole() {
  const server = process.env.TEST_DATABASE_URL ?? ''
  const name = `${process.env.TEST_RUN}_role_${randomBytes(4).toString('hex')}`
  const password = randomBytes(8).toString('hex')
  await withConnection(server, (sql) => sql.unsafe(`create role "${name}" login password '${password}'`))
  return {
    name,
    /** The same database, as this role. */
    urlOf(databaseUrl: string): string {
      const url = new URL(databaseUrl)
      url.username = name
      url.password = password
      return url.href
    },
    drop: () =>
      withConnection(server, async (sql) => {
        await sql.unsafe(`drop role if exists "${name}"`)
      }),
  }
}
