// Keeps connections to Redis on a server that takes writes: a replica's connection is given up, and not taken up.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, type RedisOptions, type StandaloneConnectionOptions } from 'ioredis'
import { isDemotion } from './transient.ts'

/** The message of the `error` event where a replica answers. */
export const IS_REPLICA = 'is a replica, which takes no writes'

type ErrorEmitter = (type: string, error: Error) => void

/** ioredis's own way to connect, which it does not export, with a look at what answers. */
class PrimaryConnector extends AbstractConnector {
  readonly #options: StandaloneConnectionOptions
  #emit: ErrorEmitter | undefined

  constructor(options: unknown) {
    const given = options as StandaloneConnectionOptions
    super(given.disconnectTimeout ?? 0)
    this.#options = given
  }

  async connect(emit: ErrorEmitter) {
    this.#emit = emit
    const { tls, path, host, port, family } = this.#options
    const address = path ? { path } : { host, port: port ?? 6379, family }
    this.connecting = true
    const stream = tls ? connectTls({ ...address, ...tls }) : connect(address)
    stream.once('error', (error) => (this.firstError = error))
    return (this.stream = stream)
  }

  /** @param info the fields of INFO; a server that keeps it to itself is trusted */
  override check(info: { role?: string }): boolean {
    const isReplica = info.role === 'slave'
    if (isReplica) this.#emit?.('error', new Error(IS_REPLICA))
    return !isReplica
  }

  /** Once for a connection: every reply that is under way may ask for it. */
  override disconnect(): void {
    if (this.connecting) super.disconnect()
  }
}

/**
 * A server that has become a replica keeps its connections, while its address may lead to the new primary by now. So a
 * connection ends at the first refusal, and connecting goes on until a primary answers; meanwhile Redis counts as away.
 * `duplicate` passes the options on.
 */
export const PRIMARY_ONLY: RedisOptions = { reconnectOnError: isDemotion, Connector: PrimaryConnector }
