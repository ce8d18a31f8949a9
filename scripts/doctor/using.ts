// Asks one Postgres server over a connection that lasts as long as the question.
import type postgres from 'postgres'
import { withConnection } from '../connection.ts'

const CONNECT_TIMEOUT_S = 5

/** @throws what the driver or the work throws; a server that is away within five seconds */
export const using = <T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> =>
  withConnection(url, work, { connect_timeout: CONNECT_TIMEOUT_S, prepare: false })
