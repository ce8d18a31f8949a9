// A link to a service that can be cut or stalled: what a network does to Postgres and Redis, on demand.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './ports.ts'

export interface FaultyLink {
  /** The service's URL, by way of this link. */
  url: string
  /** Cuts what is open and refuses what comes. */
  cut(): Promise<void>
  /** Keeps connections open, and passes nothing on. */
  stall(): void
  restore(): Promise<void>
  /** New connections lead to another server; those that are open stay where they are. */
  leadTo(serviceUrl: string): void
  close(): Promise<void>
}

/**
 * Opens a link on a free port.
 * @param rewrite changes what the service says, piece by piece
 * @param address this machine's, where others should reach it
 */
export async function openLink(
  serviceUrl: string,
  rewrite?: (text: string) => string,
  address = '127.0.0.1',
): Promise<FaultyLink> {
  let target = new URL(serviceUrl)
  const sockets = new Set<Socket>()
  let stalled = false
  const port = await freePort() // nobody takes it while it is cut
  let server: Server

  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server = createServer((client) => {
        const service = connect(Number(target.port), target.hostname)
        const pass = (from: Socket, to: Socket) => {
          sockets.add(from)
          from.on('data', (chunk) => {
            if (stalled) return
            to.write(rewrite && from === service ? rewrite(String(chunk)) : chunk)
          })
          from.on('error', () => to.destroy())
          from.on('close', () => {
            sockets.delete(from)
            to.destroy()
          })
        }
        pass(client, service)
        pass(service, client)
      })
      server.once('error', reject)
      server.listen(port, address, resolve)
    })

  const cut = () =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve()
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })

  await listen()
  const url = new URL(serviceUrl)
  url.hostname = address
  url.port = String(port)

  return {
    url: url.href,
    cut,
    stall() {
      stalled = true
    },
    async restore() {
      // What was swallowed meanwhile is lost to those connections: they are cut, as a router would.
      if (stalled) for (const socket of sockets) socket.destroy()
      stalled = false
      if (!server.listening) await listen()
    },
    leadTo(otherUrl) {
      target = new URL(otherUrl)
    },
    close: cut,
  }
}
