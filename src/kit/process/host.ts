// Reads what the machine can do, and advises operators what to change there.
import { readFileSync } from 'node:fs'
import { attempt } from '../types/attempt.ts'

/** On other systems the connections to a shared port are not spread fairly. */
export const sharesPorts = process.platform === 'linux'

/** `net.ipv4.tcp_migrate_req`, `0` or `1`; undefined on systems that have no such setting. */
export const readMigrateReq = (): string | undefined =>
  attempt(() => readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim())

/**
 * What a rolling reload costs on this machine, if it costs anything. The setting belongs to the machine:
 * it is told, and never written from here.
 */
export function adviceOnReload(): string | undefined {
  if (readMigrateReq() !== '0') return undefined
  return (
    'net.ipv4.tcp_migrate_req is 0: a reload may reset new connections that wait for the old process. ' +
    'To lose none: sysctl -w net.ipv4.tcp_migrate_req=1'
  )
}

/**
 * Connections to Postgres that the service may open: each process has `perProcess`, during a reload one more runs, and
 * the supervisor has one for its stats.
 */
export const mostConnections = (processes: number, perProcess: number) => (processes + 1) * perProcess + 1

/** @param limit `max_connections` of Postgres, less what it reserves */
export function adviceOnPool(processes: number, perProcess: number, limit: number): string | undefined {
  const most = mostConnections(processes, perProcess)
  if (most <= limit) return undefined
  return (
    `${processes} processes, and one more during a reload, may open ${most} connections to Postgres, ` +
    `which has ${limit}: lower DATABASE_POOL or WEB_PROCESSES, or raise its max_connections`
  )
}
