// Keeps connections to Redis on a server that takes writes: connections to replicas are closed and never opened.
import { connect, type NetConnectOpts, Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'
import { isDemotion } from './transient.ts'

/** The message of the `error` event when a replica answers. */
export const IS_REPLICA = 'is a replica, which takes no writes'

type ErrorEmitter = (type: string, error: Error) => void

export type Address = Pick<RedisOptions, 'path' | 'host' | 'port' | 'family'>

/** Connects like ioredis's own connector, which is not exported, and checks the role of the server. */
export class PrimaryConnector extends AbstractConnector {
  protected readonly options: RedisOptions
  #emit: ErrorEmitter | undefined

  constructor(options: unknown) {
    const given = options as RedisOptions
    super(given.disconnectTimeout ?? 0)
    this.options = given
  }

  /** Where the primary is. */
  protected async locate(): Promise<Address> {
    const { path, host, port, family } = this.options
    return path ? { path } : { host, port: port ?? 6379, family }
  }

  protected onConnected(_stream: Socket, _address: Address): void {}

  async connect(emit: ErrorEmitter) {
    this.#emit = emit
    this.connecting = true
    const address = await this.locate().catch((error: Error) => void (this.firstError = error))
    // ioredis gives a client up for good if this throws; after a connection that has ended it tries again.
    if (!address || !this.connecting) return (this.stream = new Socket().destroy())
    this.firstError = undefined
    const { tls } = this.options
    const stream = tls
      ? connectTls({ ...address, ...tls } as ConnectionOptions)
      : connect(address as NetConnectOpts)
    stream.once('error', (error) => (this.firstError = error))
    stream.once(tls ? 'secureConnect' : 'connect', () => this.onConnected(stream, address))
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
