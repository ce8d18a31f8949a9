// Asks one Postgres server over a connection that lasts as long as the question.
import postgres from 'postgres'

const CONNECT_TIMEOUT_S = 5

/** Closes the connection in any case. @throws what the driver or the work throws; a server that is away within five seconds */
export async function using<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    prepare: false,
    onnotice: () => {},
  })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
