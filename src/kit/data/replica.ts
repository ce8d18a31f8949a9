// One replica, as this process sees it: whether it is good, and what is under way there.
import type postgres from 'postgres'
import type { Log } from '../types/log.ts'
import type { Rows, Statement } from '../types/statement.ts'
import type { Client } from './postgres/client.ts'
import type { Server } from './postgres/server-lanes.ts'
import { REPLICA_OUT, sendBy } from './postgres/stale-client.ts'

/** What a replica has of the primary's log, in bytes; or that it takes writes. */
export const REPLAYED = `select pg_is_in_recovery() as standby,
  (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end - '0/0')::float8 as position`

/** How a server answers either; of the former without `standby`. */
export interface Replayed {
  standby: boolean
  /** Null where it streams nothing. */
  position: number | null
}

export interface ReplicasOptions {
  maxLagMs: number
  log: Log
  /** A connection for probes alone. */
  open(url: string): postgres.Sql
  /** @param guard is asked before it connects, and told of a connection that is lost */
  openServer(url: string, name: string, guard: { find(): undefined; suspect(): void }): Server
  /** A connection to the primary for probes alone. */
  primary: Pick<Client, 'send' | 'renew'>
}

export class Replica {
  readonly name: string
  readonly server: Server
  /** Statements that it has not answered yet, and all. */
  inFlight = 0
  statements = 0
  sql: postgres.Sql | undefined
  asking: Promise<void> | undefined
  /** `primary`: it takes writes by now, or did from the start, where all hosts are named. */
  state: 'not asked yet' | 'in' | 'out' | 'primary' = 'not asked yet'
  /** It holds all that was committed before this moment, by `performance.now()`. */
  upTo = -Infinity
  lagMs = 0

  constructor(
    readonly url: string,
    private readonly options: ReplicasOptions,
  ) {
    this.name = new URL(url).host
    this.server = options.openServer(url, this.name, {
      find: () => {
        if (this.isGood) return
        throw Object.assign(new Error(`the replica ${this.name} is out`), { code: REPLICA_OUT })
      },
      suspect: () => (this.upTo = -Infinity), // until it has answered again
    })
  }

  async send(lane: keyof Server['lanes'], statement: Statement): Promise<Rows> {
    this.statements++
    this.inFlight++
    try {
      return await sendBy(this.server.lanes[lane])(statement)
    } finally {
      this.inFlight--
    }
  }

  get isGood(): boolean {
    return this.state === 'in' && performance.now() - this.upTo <= this.options.maxLagMs
  }
}
