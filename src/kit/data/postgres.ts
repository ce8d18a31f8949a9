// Postgres: its connections in lanes, and Drizzle on each, so that slow work never stands before quick work.
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { KitConfig } from '../config/kit-config.ts'
import { statementLog } from '../log/sql-log.ts'
import type { Db } from '../types/db.ts'
import type { Log } from '../types/log.ts'
import { Gate } from './gate.ts'
import { registerLanes } from './lanes.ts'
import { arrayParsers, arraySerializers } from './postgres/arrays.ts'
import { Client } from './postgres/client.ts'
import { TRACKED_SETTINGS, UNTRACKED_SETTINGS } from './postgres/connection-settings.ts'
import { type DrizzleClient, gatedLane, Places, searchLane, sharedLane } from './postgres/lane-client.ts'

const CONNECT_TIMEOUT_S = 5
/**
 * While Postgres is away each attempt to connect fails one waiting query: a short pause between attempts
 * is what makes them all fail at once. postgres.js's own pause grows, and lets them hang.
 */
const RECONNECT_PAUSE_S = 0.005

const ACCOUNTS = 1
const FAST = 2
const READINESS = 1

/** How many connections a process opens at the most. */
export const connectionsPerProcess = ({ databasePool }: Pick<KitConfig, 'databasePool'>) =>
  databasePool + ACCOUNTS + FAST + READINESS

/** A statement behind others on its connection waits for their locks too. */
const SHARED_LOCK_TIMEOUT_MS = 250
/**
 * Statements that wait for a place, in each lane; what comes then is refused at once. A long line costs less than a short
 * one: the wait is a second where Postgres is quick, and clients that are refused ask again at once.
 */
const QUEUE = 2000
/** At once: each keeps a core busy. */
const MOST_SEARCHES = 2
const SEARCH_QUEUE = 20
const LOOK_MS = 1000

/** Opens the lanes; nothing connects before the first statement. `readiness` has a connection that nothing else uses. */
export function openPostgres(config: KitConfig, log: Log) {
  // Drizzle writes here how it reads and writes values, and each connection is opened with it.
  const options: DrizzleClient['options'] = { parsers: {}, serializers: {} }
  const { requestTimeoutMs: statementMs, lockTimeoutMs, searchTimeoutMs, databasePool } = config
  const pooler = { isPresent: false, onFound: () => log.warn(POOLER_ADVICE) }
  const clients: Client[] = []

  function openClient(max: number, lockMs: number, lifetime: Lifetime = {}): Client {
    const client = new Client({
      pooler,
      write: config.log.sql ? statementLog(log, config.log.redact) : undefined,
      open(onclose) {
        const connection = pooler.isPresent ? {} : { ...UNTRACKED_SETTINGS, ...timeouts(statementMs, lockMs) }
        const sql = connect(config, max, { connection, onclose, ...lifetime })
        Object.assign(sql.options.parsers, arrayParsers(sql.options.parsers), options.parsers)
        Object.assign(sql.options.serializers, arraySerializers(sql.options.serializers), options.serializers)
        return sql
      },
    })
    clients.push(client)
    return client
  }

  // Whoever gets in has most of its time left.
  const line = { queue: QUEUE, patienceMs: statementMs / 4 }
  const places = new Places(
    Array.from({ length: databasePool }, () => openClient(1, lockTimeoutMs, FOR_EVER)),
    line,
  )
  // Searches and writes never take all places together, nor do reads: each of the two finds one that the other left.
  const allButOne = () => new Gate({ places: Math.max(1, databasePool - 1), ...line })
  const [slow, reads] = [allButOne(), allButOne()]
  const searches = new Gate({
    places: Math.min(MOST_SEARCHES, databasePool),
    queue: SEARCH_QUEUE,
    patienceMs: line.patienceMs,
  })
  const shared = (connections: number) =>
    sharedLane(options, {
      client: openClient(connections, Math.min(SHARED_LOCK_TIMEOUT_MS, lockTimeoutMs)),
      connections,
      ...line,
    })
  const begin = () =>
    pooler.isPresent ? beginWith({ ...UNTRACKED_SETTINGS, ...timeouts(statementMs, lockTimeoutMs) }) : 'begin'
  const gated = gatedLane(options, {
    places,
    reads: [reads],
    writes: [slow],
    begin,
    wraps: () => pooler.isPresent,
  })
  const search = searchLane(options, {
    places,
    gates: [searches, slow],
    begin: () =>
      beginWith({
        ...(pooler.isPresent ? UNTRACKED_SETTINGS : {}),
        ...timeouts(Math.min(searchTimeoutMs, statementMs), lockTimeoutMs),
        ...ONE_CORE,
      }),
  })

  const db = open(gated)
  registerLanes(db, { accounts: open(shared(ACCOUNTS)), fast: open(shared(FAST)), search: open(search) })
  const readiness = openClient(READINESS, lockTimeoutMs)
  // Postgres itself ends a statement after its timeout: a second more, and it is Postgres that stands still.
  const patience = Math.ceil(statementMs / LOOK_MS) + 1
  const looking = setInterval(() => clients.forEach((client) => client.look(patience)), LOOK_MS)
  looking.unref()

  return {
    db,
    /** A connection that only health and readiness use. */
    readiness,
    async close() {
      clearInterval(looking)
      await Promise.all(clients.map((client) => client.close()))
    },
  }
}

/** Drizzle asks of the driver what `DrizzleClient` has, and nothing else. */
const open = (client: DrizzleClient): Db => drizzle({ client: client as unknown as postgres.Sql })

/** Connections as all of this service's are opened; nothing connects before the first statement. */
export function connect(
  config: KitConfig,
  max: number,
  { connection = {}, ...options }: Pick<postgres.Options<{}>, 'connection' | 'onclose'> & Lifetime = {},
): postgres.Sql {
  return postgres(config.databaseUrl, {
    ...options,
    max,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_PAUSE_S,
    onnotice: () => {},
    // A backend that is killed while the driver asks for the types of arrays ends the process: `arrays.ts` knows them.
    fetch_types: false,
    connection: { ...TRACKED_SETTINGS, application_name: config.name, ...connection },
  })
}

type Lifetime = { max_lifetime?: null }
/** The driver would replace an old one inside a transaction: `Places` does it between two uses. */
const FOR_EVER: Lifetime = { max_lifetime: null }

// A request that was given up must not keep its statement running, nor others waiting for its lock.
const timeouts = (statementMs: number, lockMs: number) => ({
  statement_timeout: statementMs,
  lock_timeout: lockMs,
  idle_in_transaction_session_timeout: statementMs,
})

/** The same for one transaction, in one message: a pooler passes it on to whatever connection it lends. */
const beginWith = (settings: Record<string, string | number>) =>
  ['begin', ...Object.entries(settings).map(([name, value]) => `set local ${name} = '${value}'`)].join('; ')

/** A search takes one core, and not all of them with its helpers and its compiler. */
const ONE_CORE = { max_parallel_workers_per_gather: 0, jit: 'off' }

const POOLER_ADVICE =
  'a pooler before Postgres refuses startup parameters: timeouts are set in each transaction; ' +
  'for single reads by key, set them for the role (npm run doctor prints the lines)'
