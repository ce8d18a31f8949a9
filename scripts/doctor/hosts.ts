// The hosts that DATABASE_URL names, each asked what it is.
import { eachHost } from '../../src/kit/config/hosts.ts'
import { withConnection } from '../connection.ts'
import { judgeHosts, type PostgresHost } from './company.ts'
import { CONNECT_TIMEOUT_S, type Finding, messageOf } from './finding.ts'

/** None for a URL of one host. */
export async function checkHosts(url: string): Promise<Finding[]> {
  const urls = eachHost(url)
  return urls.length === 1 ? [] : [judgeHosts(await Promise.all(urls.map(askHost)))]
}

async function askHost(url: string): Promise<PostgresHost> {
  const name = new URL(url).host
  try {
    const [row] = await withConnection(
      url,
      (sql) => sql<{ standby: boolean; behind: number | null; synchronous: string }[]>`
        select pg_is_in_recovery() as standby, current_setting('synchronous_standby_names') as synchronous,
          case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
            else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end as behind`,
      CONNECT_TIMEOUT_S,
    )
    if (row === undefined) throw new Error('it answered nothing')
    const { standby, behind, synchronous } = row
    return standby ? { name, state: 'standby', behind } : { name, state: 'primary', synchronous }
  } catch (error) {
    return { name, state: 'away', why: messageOf(error) }
  }
}
