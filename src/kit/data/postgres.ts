// Opens the connections to Postgres in lanes, with Drizzle on each, so that slow work never holds up quick work.
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { eachHost } from '../config/hosts.ts'
import type { KitConfig } from '../config/kit-config.ts'
import { slowQueryLog } from '../log/slow-query-log.ts'
import { statementLog } from '../log/sql-log.ts'
import type { Db } from '../types/db.ts'
import type { Log } from '../types/log.ts'
import { Gate, type GateSize } from './gate.ts'
import { registerLanes } from './lanes.ts'
import { createExplainer } from './postgres/explain.ts'
import { tuneSession } from './drizzle-session.ts'
import type { QueryObserver } from './query-observer.ts'
import { connect, FOR_EVER } from './postgres/connect.ts'
import { Hosts } from './postgres/hosts.ts'
import type { DrizzleClient } from './postgres/lane-client.ts'
import { openPrimaryConnection } from './postgres/primary-connection.ts'
import { openServer, type Server, type ServerOptions } from './postgres/server-lanes.ts'
import { connectionsForReplicas, openStaleLanes } from './stale-lanes.ts'

const ACCOUNTS = 1
const FAST = 2
const READINESS = 1

/** The most connections that a process opens to the primary. */
export const connectionsPerProcess = ({
  databasePool,
  databaseUrl,
  databaseReplicaUrl,
}: Pick<KitConfig, 'databasePool' | 'databaseUrl'> & Partial<Pick<KitConfig, 'databaseReplicaUrl'>>) =>
  databasePool +
  ACCOUNTS +
  FAST +
  READINESS +
  (eachHost(databaseUrl).length > 1 ? 1 : 0) +
  (databaseReplicaUrl === undefined ? 0 : connectionsForReplicas({ databasePool }))

/** At once: each keeps a core busy. */
const MAX_SEARCHES = 2
const PROGRESS_CHECK_MS = 1000

/** Opens the lanes; nothing connects before the first statement. */
export function openPostgres(config: KitConfig, log: Log) {
  // Drizzle registers its parsers and serializers here, and every connection is opened with them.
  const options: DrizzleClient['options'] = { parsers: {}, serializers: {} }
  const { requestTimeoutMs: statementMs, lockTimeoutMs, databasePool } = config
  const hosts =
    eachHost(config.databaseUrl).length === 1
      ? undefined
      : new Hosts(config.databaseUrl, {
          log,
          open: (url) => connect({ ...config, databaseUrl: url }, 1, FOR_EVER),
          onLost: () => ofPrimary.forEach((client) => client.renew(0)),
        })
  let expiredAt = -Infinity
  const onReadOnly = () => {
    hosts?.suspect()
    if (performance.now() - expiredAt < PROGRESS_CHECK_MS) return
    expiredAt = performance.now()
    primary.replaceAll()
  }
  const observers: QueryObserver[] = config.log.sql ? [statementLog(log, config.log.redact)] : []
  if (config.log.slowQueryMs > 0) observers.push(slowQueryLog(log, config.log.slowQueryMs))
  const explainer =
    config.log.sql === 'explain'
      ? createExplainer(openPrimaryConnection(config), log, config.log.redact)
      : undefined
  if (explainer) observers.push(explainer)

  const gates = new Map<string, Gate>()
  const gate = (name: string, size: GateSize) => {
    const made = new Gate(size)
    gates.set(name, made)
    return made
  }
  const url = () => hosts?.url ?? config.databaseUrl
  const searches = Math.min(MAX_SEARCHES, databasePool)
  const ofServer: ServerOptions = {
    config,
    options,
    observers,
    url,
    hosts,
    onReadOnly,
    gate,
    sizes: { pool: databasePool, searches, fast: FAST, accounts: ACCOUNTS },
    onPooler: () => log.warn(POOLER_ADVICE),
  }
  const primary = openServer(ofServer)
  const db = open(primary.lanes)
  const readiness = primary.openClient(READINESS, lockTimeoutMs)
  const stale = openStaleLanes(primary, ofServer, log)
  const ofPrimary = [...primary.clients, ...stale.clients.ofPrimary]
  const clients = [...ofPrimary, ...stale.clients.ofReplicas]
  const fresh = open(stale.fresh)

  // Postgres ends a statement after its timeout: without a reply a second later, Postgres or the network is stalled.
  const maxStalledChecks = Math.ceil(statementMs / PROGRESS_CHECK_MS) + 1
  const checkAll = () => clients.forEach((client) => client.checkProgress(maxStalledChecks))
  const progressTimer = setInterval(checkAll, PROGRESS_CHECK_MS)
  progressTimer.unref()

  return {
    db,
    /** For reads that may be a moment old. */
    stale: { fresh, reading: stale.reading === stale.fresh ? fresh : open(stale.reading) },
    /** Where those went; undefined without replicas. */
    staleStats: stale.stats,
    /** Watches every statement from now on; see `query-observer.ts`. */
    observeQueries: (observer: QueryObserver) => void observers.push(observer),
    /** Where statements wait for their place, by name. */
    gates,
    /** A connection for the readiness check alone. */
    readiness,
    async close() {
      clearInterval(progressTimer)
      await Promise.all([...clients, hosts, stale].map(async (each) => each?.close()))
      await explainer?.close()
    },
  }
}

/** Drizzle uses only those members of the driver that `DrizzleClient` has. */
const openLane = (client: DrizzleClient): Db =>
  tuneSession(drizzle({ client: client as unknown as postgres.Sql }))

function open({ other, ...lanes }: Server['lanes']): Db {
  const db = openLane(other)
  const { accounts, fast, search } = lanes
  registerLanes(db, { accounts: openLane(accounts), fast: openLane(fast), search: openLane(search) })
  return db
}

const POOLER_ADVICE =
  'a pooler before Postgres refuses startup parameters: timeouts are set in each transaction; ' +
  'for single reads by key, set them for the role (npm run doctor prints the lines)'
