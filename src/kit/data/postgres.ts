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
import { keepNames, type QueryObserver } from './query-observer.ts'
import { arrayParsers, arraySerializers } from './postgres/arrays.ts'
import { Client } from './postgres/client.ts'
import { connect, FOR_EVER, type Lifetime } from './postgres/connect.ts'
import { UNTRACKED_SETTINGS } from './postgres/connection-settings.ts'
import { Hosts } from './postgres/hosts.ts'
import { openPrimaryConnection } from './postgres/primary-connection.ts'
import {
  type DrizzleClient,
  exclusiveLane,
  ExclusivePool,
  PIPELINE_DEPTH,
  sharedLane,
} from './postgres/lane-client.ts'

const ACCOUNTS = 1
const FAST = 2
const READINESS = 1

/** The most connections that a process opens. */
export const connectionsPerProcess = ({
  databasePool,
  databaseUrl,
}: Pick<KitConfig, 'databasePool' | 'databaseUrl'>) =>
  databasePool + ACCOUNTS + FAST + READINESS + (eachHost(databaseUrl).length > 1 ? 1 : 0)

/** Short, because the statements behind one on a shared connection wait for its locks too. */
const SHARED_LOCK_TIMEOUT_MS = 250
/**
 * Statements that may wait in each lane; further ones are refused at once. A long queue costs less than a short one: the
 * wait is a second if Postgres is quick, and refused clients retry at once.
 */
const QUEUE = 1000
/** At once: each keeps a core busy. */
const MAX_SEARCHES = 2
const SEARCH_QUEUE = 20
const PROGRESS_CHECK_MS = 1000

/** Opens the lanes; nothing connects before the first statement. */
export function openPostgres(config: KitConfig, log: Log) {
  // Drizzle registers its parsers and serializers here, and every connection is opened with them.
  const options: DrizzleClient['options'] = { parsers: {}, serializers: {} }
  const { requestTimeoutMs: statementMs, lockTimeoutMs, searchTimeoutMs, databasePool } = config
  const pooler = { isPresent: false, onFound: () => log.warn(POOLER_ADVICE) }
  const clients: Client[] = []
  const hosts =
    eachHost(config.databaseUrl).length === 1
      ? undefined
      : new Hosts(config.databaseUrl, {
          log,
          open: (url) => connect({ ...config, databaseUrl: url }, 1, FOR_EVER),
          onLost: () => clients.forEach((client) => client.renew(0)),
        })
  let expiredAt = -Infinity
  const pooled = new Set<Client>()
  const onReadOnly = () => {
    hosts?.suspect()
    if (performance.now() - expiredAt < PROGRESS_CHECK_MS) return
    expiredAt = performance.now()
    for (const client of clients) {
      if (pooled.has(client)) client.expire()
      else client.renew()
    }
  }
  const observers: QueryObserver[] = config.log.sql ? [statementLog(log, config.log.redact)] : []
  if (config.log.slowQueryMs > 0) observers.push(slowQueryLog(log, config.log.slowQueryMs))
  const explainer =
    config.log.sql === 'explain'
      ? createExplainer(openPrimaryConnection(config), log, config.log.redact)
      : undefined
  if (explainer) observers.push(explainer)

  function openClient(max: number, lockMs: number, lifetime: Lifetime = {}): Client {
    const client = new Client({
      pooler,
      hosts,
      onReadOnly,
      observers,
      open(onclose) {
        const connection = pooler.isPresent ? {} : { ...UNTRACKED_SETTINGS, ...timeouts(statementMs, lockMs) }
        const target = hosts === undefined ? config : { ...config, databaseUrl: hosts.url }
        const sql = connect(target, max, { connection, onclose, ...lifetime })
        Object.assign(sql.options.parsers, arrayParsers(sql.options.parsers), options.parsers)
        Object.assign(sql.options.serializers, arraySerializers(sql.options.serializers), options.serializers)
        return sql
      },
    })
    clients.push(client)
    return client
  }

  // A statement that gets its turn has most of the request's time left.
  const waiting = { queue: QUEUE, maxWaitMs: statementMs / 4, refusesEarly: true }
  const gates = new Map<string, Gate>()
  const gate = (name: string, places: number, size: Omit<GateSize, 'places'> = waiting) => {
    const made = new Gate({ places, ...size })
    gates.set(name, made)
    return made
  }
  const pool = new ExclusivePool(
    Array.from({ length: databasePool }, () => openClient(1, lockTimeoutMs, FOR_EVER)),
    gate('pool', databasePool),
  )
  clients.forEach((client) => pooled.add(client))
  // Neither reads, nor searches and writes together, ever take the whole pool: each leaves the other a connection.
  const allButOne = (name: string) => gate(name, Math.max(1, databasePool - 1))
  const [slow, reads] = [allButOne('writes'), allButOne('reads')]
  const searches = gate('searches', Math.min(MAX_SEARCHES, databasePool), {
    queue: SEARCH_QUEUE,
    maxWaitMs: waiting.maxWaitMs,
  })
  const shared = (name: string, connections: number) =>
    sharedLane(options, {
      client: openClient(connections, Math.min(SHARED_LOCK_TIMEOUT_MS, lockTimeoutMs)),
      gate: gate(name, connections * PIPELINE_DEPTH),
    })
  const begin = () =>
    pooler.isPresent ? beginWith({ ...UNTRACKED_SETTINGS, ...timeouts(statementMs, lockTimeoutMs) }) : 'begin'
  const exclusive = exclusiveLane(options, {
    pool,
    reads: [reads],
    writes: [slow],
    begin,
    needsTransaction: () => pooler.isPresent,
  })
  const search = exclusiveLane(options, {
    pool,
    reads: [searches, slow],
    writes: [searches, slow],
    needsTransaction: () => true,
    begin: () =>
      beginWith({
        ...(pooler.isPresent ? UNTRACKED_SETTINGS : {}),
        ...timeouts(Math.min(searchTimeoutMs, statementMs), lockTimeoutMs),
        ...ONE_CORE,
      }),
  })

  const db = open(exclusive)
  registerLanes(db, {
    accounts: open(shared('accounts', ACCOUNTS)),
    fast: open(shared('fast', FAST)),
    search: open(search),
  })
  const readiness = openClient(READINESS, lockTimeoutMs)
  // Postgres ends a statement after its timeout: without a reply a second later, Postgres or the network is stalled.
  const maxStalledChecks = Math.ceil(statementMs / PROGRESS_CHECK_MS) + 1
  const checkAll = () => clients.forEach((client) => client.checkProgress(maxStalledChecks))
  const progressTimer = setInterval(checkAll, PROGRESS_CHECK_MS)
  progressTimer.unref()

  return {
    db,
    /** Watches every statement from now on; see `query-observer.ts`. */
    observeQueries: (observer: QueryObserver) => void observers.push(observer),
    /** Where statements wait for their place, by name. */
    gates,
    /** A connection for the readiness check alone. */
    readiness,
    async close() {
      clearInterval(progressTimer)
      await Promise.all([...clients, hosts].map(async (each) => each?.close()))
      await explainer?.close()
    },
  }
}

/** Drizzle uses only those members of the driver that `DrizzleClient` has. */
const open = (client: DrizzleClient): Db => keepNames(drizzle({ client: client as unknown as postgres.Sql }))

// A request that was given up must not leave a statement running, nor others waiting for its lock.
const timeouts = (statementMs: number, lockMs: number) => ({
  statement_timeout: statementMs,
  lock_timeout: lockMs,
  idle_in_transaction_session_timeout: statementMs,
})

/** Sets them for one transaction, in one message: a pooler passes it on to whichever connection it lends. */
const beginWith = (settings: Record<string, string | number>) =>
  ['begin', ...Object.entries(settings).map(([name, value]) => `set local ${name} = '${value}'`)].join('; ')

/** A search uses one core: no parallel workers, no compiler. */
const ONE_CORE = { max_parallel_workers_per_gather: 0, jit: 'off' }

const POOLER_ADVICE =
  'a pooler before Postgres refuses startup parameters: timeouts are set in each transaction; ' +
  'for single reads by key, set them for the role (npm run doctor prints the lines)'
