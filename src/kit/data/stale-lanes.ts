// Opens the lanes for reads that may be stale: on replicas where there are some, and on the primary by places of their own.
import type { Log } from '../types/log.ts'
import type { GateSize } from './gate.ts'
import type { Client } from './postgres/client.ts'
import { connect, FOR_EVER } from './postgres/connect.ts'
import { openServer, type Server, type ServerOptions } from './postgres/server-lanes.ts'
import { readingClient, type Send, sendBy, staleClient } from './postgres/stale-client.ts'
import type { Replica } from './replica.ts'
import { Replicas, type StaleTarget } from './replicas.ts'

/** Connections to the primary for what no replica answers: fewer than others have there, so that they hold up nobody. */
const standIns = (databasePool: number) => Math.max(1, Math.floor(databasePool / 2))
const SAMPLING = 1

/** The connections to the primary that replicas cost a process. */
export const connectionsForReplicas = ({ databasePool }: { databasePool: number }) =>
  standIns(databasePool) + SAMPLING

type LaneName = keyof Server['lanes']

export interface StaleLanes {
  /** On a replica if one is good. */
  reading: Server['lanes']
  /** Never on a replica. The same as `reading` if there are none. */
  fresh: Server['lanes']
  /** The connections that are opened for it, and where they lead. */
  clients: { ofPrimary: readonly Client[]; ofReplicas: readonly Client[] }
  /** Where statements went; undefined without replicas. */
  stats?: () => StaleTarget[]
  close(): Promise<void>
}

/** @param options those of the primary. Without replicas the lanes are its own, less what writes. */
export function openStaleLanes(primary: Server, options: ServerOptions, log: Log): StaleLanes {
  const { config, gate } = options
  const { databaseReplicaUrl: urls, databasePool } = config
  if (urls === undefined) {
    const lanes = each((lane) => readingClient(primary.lanes[lane]))
    return {
      reading: lanes,
      fresh: lanes,
      clients: { ofPrimary: [], ofReplicas: [] },
      close: () => Promise.resolve(),
    }
  }

  const named = (server: string) => (name: string, size: GateSize) => gate(`${server} ${name}`, size)
  const standIn = openServer({
    ...options,
    gate: named('stale'),
    sizes: { pool: standIns(databasePool), searches: 1 },
    isReadOnly: true,
    onReadOnly: () => {},
  })
  const sampling = primary.openClient(SAMPLING, config.lockTimeoutMs, FOR_EVER, [])
  const replicas = new Replicas(urls, {
    maxLagMs: config.staleMaxLagMs,
    log,
    open: (url) => connect({ ...config, databaseUrl: url }, 1, FOR_EVER),
    openServer: (url, replica, hosts) =>
      openServer({
        ...options,
        replica,
        hosts,
        url: () => url,
        gate: named(replica),
        onReadOnly: () => {},
      }),
    primary: sampling,
  })
  let onPrimary = 0
  const byPlaces = (lane: LaneName): Send => {
    const send = sendBy(standIn.lanes[lane])
    return (statement) => {
      onPrimary++
      return send(statement)
    }
  }
  const lanesOf = (pick: () => Replica | undefined) =>
    each((lane) =>
      staleClient(options.options, {
        primary: byPlaces(lane),
        pick() {
          const replica = pick()
          return replica && ((statement) => replica.send(lane, statement))
        },
      }),
    )
  return {
    reading: lanesOf(() => replicas.pick()),
    fresh: lanesOf(() => undefined),
    clients: { ofPrimary: standIn.clients, ofReplicas: replicas.all.flatMap(({ server }) => server.clients) },
    stats: () => [{ target: 'primary', statements: onPrimary }, ...replicas.stats()],
    close: () => replicas.close(),
  }
}

const each = <T>(make: (lane: LaneName) => T) => ({
  other: make('other'),
  search: make('search'),
  fast: make('fast'),
  accounts: make('accounts'),
})
