// The Redis of last resort: js-redis-server in this process, in memory, behind a loopback listener of ours.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import {
  attachSession,
  type ConnectionTransport,
  type ConnectionTransportEvent,
  type ConnectionTransportListener,
  createRedisCommandExecutor,
  RedisServerState,
} from 'js-redis-server/core'
import type { Service } from './child.ts'

// The oldest Redis that the project supports: a newer command fails here first.
const COMPATIBILITY = 'redis-6.2'
const DATABASES = 16

/** Serves on a free port of 127.0.0.1. Its data ends with it. */
export async function serveEmbeddedRedis(password: string): Promise<Service> {
  const executor = createRedisCommandExecutor({ compatibility: COMPATIBILITY })
  const state = new RedisServerState({
    databaseCount: DATABASES,
    requirepass: password,
    compatibility: COMPATIBILITY,
  })
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const { session } = attachSession(new SocketTransport(socket), { state, executor })
    socket.once('close', () => {
      sockets.delete(socket)
      // Without this a client that went away while it waited for an element would still be handed one.
      session.close()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The embedded Redis got no TCP port')

  return {
    url: `redis://:${password}@127.0.0.1:${address.port}`,
    about: `embedded Redis in memory, port ${address.port}: sessions and queued jobs end with it (install redis-server to keep them)`,
    failed: new Promise(() => {}), // it ends with this process only
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      state.close()
    },
  }
}

/**
 * Reads on while a command runs, so that the end of the connection is seen at once:
 * the transport of the package reads only between commands.
 */
class SocketTransport implements ConnectionTransport {
  static #count = 0
  readonly id = `socket-${++SocketTransport.#count}`
  readonly #socket: Socket
  readonly #closed = new AbortController()
  readonly signal = this.#closed.signal
  readonly #chunks: Buffer[] = []
  #wake = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#wake()
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      this.#closed.abort()
      this.#wake()
    })
  }

  async *read(): AsyncGenerator<Buffer> {
    while (!this.signal.aborted) {
      const chunk = this.#chunks.shift()
      if (chunk) yield chunk
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  write(chunk: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(chunk)
  }

  close(): void {
    this.#socket.destroySoon()
  }

  on(event: ConnectionTransportEvent, listener: ConnectionTransportListener): () => void {
    this.#socket.on(event, listener)
    return () => this.#socket.off(event, listener)
  }
}
