// Keeps connections to Redis on a server that takes writes: connections to replicas are closed and never opened.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, type RedisOptions, type StandaloneConnectionOptions } from 'ioredis'
import { isDemotion } from './transient.ts'

/** The message of the `error` event when a replica answers. */
export const IS_REPLICA = 'is a replica, which takes no writes'

type ErrorEmitter = (type: string, error: Error) => void

/** Connects like ioredis's own connector, which is not exported, and checks the role of the server. */
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

  /** @param info the fields of INFO; a server that withholds them is trusted */
  override check(info: { role?: string }): boolean {
    const isReplica = info.role === 'slave'
    if (isReplica) this.#emit?.('error', new Error(IS_REPLICA))
    return !isReplica
  }

  /** Once per connection: every pending reply may ask for it. */
  override disconnect(): void {
    if (this.connecting) super.disconnect()
  }
}

/**
 * A server that was demoted to a replica keeps its connections, while its address may already lead to the new primary.
 * So the first refusal ends a connection, and it reconnects until a primary answers; meanwhile Redis counts as away.
 * `duplicate` passes the options on.
 */
export const PRIMARY_ONLY: RedisOptions = { reconnectOnError: isDemotion, Connector: PrimaryConnector }
