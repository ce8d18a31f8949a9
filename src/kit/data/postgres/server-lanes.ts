// Opens the lanes to one Postgres: connections that are shared by what is quick, and a pool for what may take long.
import type { KitConfig } from '../../config/kit-config.ts'
import type { QueryObserver } from '../query-observer.ts'
import type { Gate, GateSize } from '../gate.ts'
import { arrayParsers, arraySerializers } from './arrays.ts'
import { Client, type ClientOptions } from './client.ts'
import { connect, FOR_EVER, type Lifetime } from './connect.ts'
import { UNTRACKED_SETTINGS } from './connection-settings.ts'
import {
  type DrizzleClient,
  exclusiveLane,
  ExclusivePool,
  PIPELINE_DEPTH,
  sharedLane,
} from './lane-client.ts'

/** Short, because the statements behind one on a shared connection wait for its locks too. */
const SHARED_LOCK_TIMEOUT_MS = 250
/**
 * Statements that may wait in each lane; further ones are refused at once. A long queue costs less than a short one: the
 * wait is a second if Postgres is quick, and refused clients retry at once.
 */
const QUEUE = 1000
const SEARCH_QUEUE = 20

export interface ServerOptions extends Pick<ClientOptions, 'hosts' | 'onReadOnly' | 'replica'> {
  config: KitConfig
  /** Where to connect, by now. */
  url(): string
  /** Drizzle's; see `DrizzleClient`. */
  options: DrizzleClient['options']
  observers: readonly QueryObserver[]
  /** Makes the gate of that name. */
  gate(name: string, size: GateSize): Gate
  /** Connections. Without `accounts` that lane is the fast one, and without `fast` the pool. */
  sizes: { pool: number; searches: number; fast?: number; accounts?: number }
  /** Postgres refuses what writes. */
  isReadOnly?: boolean
  onPooler(): void
}

export type Server = ReturnType<typeof openServer>

/** Nothing connects before the first statement. */
export function openServer(server: ServerOptions) {
  const { config, options, sizes, observers } = server
  const { requestTimeoutMs: statementMs, lockTimeoutMs, searchTimeoutMs } = config
  const pooler = { isPresent: false, onFound: server.onPooler }
  const clients: Client[] = []

  function openClient(max: number, lockMs: number, lifetime: Lifetime = {}, observing = observers): Client {
    const client = new Client({
      pooler,
      hosts: server.hosts,
      onReadOnly: server.onReadOnly,
      observers: observing,
      replica: server.replica,
      open(onclose) {
        const onlyReads = server.isReadOnly ? { default_transaction_read_only: 'on' } : {}
        const all = { ...UNTRACKED_SETTINGS, ...timeouts(statementMs, lockMs), ...onlyReads }
        const connection = pooler.isPresent ? {} : all
        const sql = connect({ ...config, databaseUrl: server.url() }, max, {
          connection,
          onclose,
          ...lifetime,
        })
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
  const gate = (name: string, places: number) => server.gate(name, { places, ...waiting })
  const pooled = Array.from({ length: sizes.pool }, () => openClient(1, lockTimeoutMs, FOR_EVER))
  const pool = new ExclusivePool(pooled, gate('pool', sizes.pool))
  // Neither reads, nor searches and writes together, ever take the whole pool: each leaves the other a connection.
  const allButOne = (name: string) => gate(name, Math.max(1, sizes.pool - 1))
  const [slow, reads] = [allButOne('writes'), allButOne('reads')]
  const searches = server.gate('searches', {
    places: sizes.searches,
    queue: SEARCH_QUEUE,
    maxWaitMs: waiting.maxWaitMs,
  })
  const shared = (name: string, connections = 0) =>
    connections === 0
      ? undefined
      : sharedLane(options, {
          client: openClient(connections, Math.min(SHARED_LOCK_TIMEOUT_MS, lockTimeoutMs)),
          gate: gate(name, connections * PIPELINE_DEPTH),
        })
  const ofPooler = () => ({
    ...UNTRACKED_SETTINGS,
    ...(server.isReadOnly ? { transaction_read_only: 'on' } : {}),
  })
  const begin = () =>
    pooler.isPresent ? beginWith({ ...ofPooler(), ...timeouts(statementMs, lockTimeoutMs) }) : 'begin'
  const other = exclusiveLane(options, {
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
        ...(pooler.isPresent ? ofPooler() : {}),
        ...timeouts(Math.min(searchTimeoutMs, statementMs), lockTimeoutMs),
        ...ONE_CORE,
      }),
  })
  const fast = shared('fast', sizes.fast) ?? other
  const lanes = { other, search, fast, accounts: shared('accounts', sizes.accounts) ?? fast }

  return {
    lanes,
    clients,
    openClient,
    /** The connections may lead to another server by now: each is replaced before its next transaction. */
    replaceAll() {
      for (const client of clients) {
        if (pooled.includes(client)) client.expire()
        else client.renew()
      }
    },
  }
}

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
