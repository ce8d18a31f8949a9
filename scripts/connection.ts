// Opens a connection to Postgres for one piece of work.
import postgres from 'postgres'

const CONNECT_TIMEOUT_S = 30

/** Closes it in any case. @throws what the driver or the work throws */
export async function withConnection<T>(
  url: string,
  work: (sql: postgres.Sql) => Promise<T>,
  connect_timeout = CONNECT_TIMEOUT_S,
): Promise<T> {
  // For one piece of work nothing is worth to be prepared, and behind a pooler the next statement may run elsewhere.
  const sql = postgres(url, { max: 1, onnotice: () => {}, prepare: false, connect_timeout })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
