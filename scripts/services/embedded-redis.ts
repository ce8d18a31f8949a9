// The Redis of last resort: js-redis-server in this process, in memory, behind a loopback listener of ours.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import {
  attachSession,
  type ConnectionTransport,
  type ConnectionTransportEvent,
  type ConnectionTransportListener,
  createRedisCommandExecutor,
  createRedisLuaRuntime,
  RedisServerState,
} from 'js-redis-server/core'
import type { Service } from './child.ts'

// The oldest Redis that the project supports: a newer command fails here first.
const COMPATIBILITY = 'redis-6.2'
const DATABASES = 16

/** Serves on a free port of 127.0.0.1. Its data ends with it. */
export async function serveEmbeddedRedis(password: string): Promise<Service> {
  const executor = createRedisCommandExecutor({ compatibility: COMPATIBILITY })
  const state = new ServerState({
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
 * Its Lua is WebAssembly: 64 MB, a stack of 64 KB, and after one script that needed more it answers no other, or
 * forgets to collect what it frees. So the next script gets a new one; what that script had written stays.
 */
class ServerState extends RedisServerState {
  #lua: ReturnType<RedisServerState['getLuaRuntime']> | undefined

  override getLuaRuntime() {
    return (this.#lua ??= this.#startLua())
  }

  async #startLua() {
    const lua = await createRedisLuaRuntime(this.profile)
    const run = lua.eval.bind(lua)
    lua.eval = (script, keys, args, ...rest) => {
      try {
        return run(script, keys, args, ...rest) // what a script does wrong is returned, not thrown
      } catch (error) {
        this.#lua = undefined
        const bytes = [...keys, ...args].reduce((sum, { length }) => sum + length, 0)
        console.warn(
          `The Lua of the embedded Redis broke (${String(error)}) at a script of ${script.length} bytes, ` +
            `its keys and arguments ${bytes}, the first key ${String(keys[0])}: the next gets a new one`,
        )
        throw error
      }
    }
    return lua
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
