// One connection to the host that takes writes, for whatever asks Postgres now and then, beside the lanes.
import type postgres from 'postgres'
import { eachHost } from '../../config/hosts.ts'
import type { KitConfig } from '../../config/kit-config.ts'
import { connect, FOR_EVER } from './connect.ts'
import { Hosts } from './hosts.ts'

/** The processes that serve tell of a failover. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Connects with the first statement. Of several hosts the driver alone would take the first that answers, a standby too. */
export function openPrimaryConnection(config: KitConfig) {
  const openAt = (url: string) => connect({ ...config, databaseUrl: url }, 1, FOR_EVER)
  const hosts =
    eachHost(config.databaseUrl).length === 1
      ? undefined
      : new Hosts(config.databaseUrl, { open: openAt, log: quiet })
  let opened: { url: string; sql: postgres.Sql } | undefined

  return {
    /** @throws Error with code NO_PRIMARY if no host takes writes */
    async get(): Promise<postgres.Sql> {
      await hosts?.find()
      const url = hosts?.url ?? config.databaseUrl
      if (opened?.url !== url) {
        void opened?.sql.end({ timeout: 0 }).catch(() => {})
        opened = { url, sql: openAt(url) }
      }
      return opened.sql
    },
    async close(): Promise<void> {
      await Promise.all([hosts?.close(), opened?.sql.end({ timeout: 1 })])
    },
  }
}

export type PrimaryConnection = ReturnType<typeof openPrimaryConnection>
