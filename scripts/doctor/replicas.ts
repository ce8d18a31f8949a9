// The replicas that stale reads go to: each answers, is a standby, and keeps up with the primary.
import type postgres from 'postgres'
import type { Config } from '../../src/config.ts'
import { eachHost } from '../../src/kit/config/hosts.ts'
import { REPLAYED, type Replayed } from '../../src/kit/data/replica.ts'
import { WRITTEN } from '../../src/kit/data/replicas.ts'
import { withConnection } from '../connection.ts'
import { findPrimary } from '../primary.ts'
import { CONNECT_TIMEOUT_S, type Finding, messageOf, ok, warn } from './finding.ts'

const POLL_MS = 50
const FIX = 'Its reads go to the other replicas, or to the primary'

export async function checkReplicas(config: Config): Promise<Finding[]> {
  if (config.databaseReplicaUrl === undefined) return []
  let primary: { url: string; position: number }
  try {
    const url = await findPrimary(config.databaseUrl)
    const { position } = await withConnection(url, (sql) => askOne(sql, WRITTEN), CONNECT_TIMEOUT_S)
    primary = { url, position: position ?? NaN }
  } catch {
    return [] // what is said of Postgres says it
  }
  return Promise.all(
    eachHost(config.databaseReplicaUrl).map((url) => check(url, primary, config.staleMaxLagMs)),
  )
}

async function check(
  url: string,
  primary: { url: string; position: number },
  maxLagMs: number,
): Promise<Finding> {
  const { host } = new URL(url)
  const named = `replica ${host}`
  try {
    return await withConnection(
      url,
      async (sql) => {
        const began = performance.now()
        for (;;) {
          const { standby, position } = await askOne(sql, REPLAYED)
          const ms = performance.now() - began
          if (!standby && new URL(primary.url).host === host)
            return ok(named, 'is the primary by now: left out')
          if (!standby) return warn(named, 'is no standby: left out', 'Let it stream from the primary')
          if (position === null)
            return warn(named, 'does not say what it has replayed', 'It has to be a streaming standby')
          if (position >= primary.position)
            return ok(named, `has within ${Math.ceil(ms)} ms what the primary had`)
          if (ms > maxLagMs) {
            const behind = `${Math.ceil((primary.position - position) / 1e6)} MB`
            return warn(named, `lags over ${maxLagMs} ms (STALE_MAX_LAG_MS) and ${behind}: left out`, FIX)
          }
          await Bun.sleep(POLL_MS)
        }
      },
      CONNECT_TIMEOUT_S,
    )
  } catch (error) {
    return warn(
      named,
      `cannot be used: ${messageOf(error)}`,
      `${FIX}; check DATABASE_REPLICA_URL, and that it runs`,
    )
  }
}

async function askOne(sql: postgres.Sql, question: string): Promise<Replayed> {
  const [row] = await sql.unsafe<Replayed[]>(question)
  if (row === undefined) throw new Error('it answered nothing')
  return row
}
