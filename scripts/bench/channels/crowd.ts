// The channel to which everybody listens, and thousands of connections that do.
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { defineChannel } from '../../../src/kit/channels/channel.ts'
import { until } from '../../../test/kit/support/until.ts'

export const crowdChannel = defineChannel({
  name: 'crowd',
  params: z.object({}),
  event: z.object({ n: z.number(), text: z.string() }),
  mayListen: () => true,
})

/** Connections from one address: fewer than it may have. */
const OF_ADDRESS = 900
/** That are opened at once. */
const AT_ONCE = 50

/**
 * Opens so many streams. `delivered()` resolves when each has got one event more.
 * @param tokenOf the bearer of each
 */
export async function openCrowd(port: number, count: number, tokenOf: (i: number) => string) {
  const sockets: Socket[] = []
  let ready = 0
  let missing = 0
  let all = () => {}
  const open = (i: number) =>
    new Promise<void>((resolve, reject) => {
      const localAddress = `127.0.0.${2 + Math.floor(i / OF_ADDRESS)}`
      const socket = connect({ port, host: '127.0.0.1', localAddress })
      sockets.push(socket)
      socket.write(
        `GET /api/crowd?on=crowd HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${tokenOf(i)}\r\n\r\n`,
      )
      socket.on('error', reject)
      let isReady = false
      socket.on('data', (bytes: Buffer) => {
        if (bytes.includes('event: crowd')) if (--missing === 0) all()
        if (!isReady && bytes.includes('id: ')) {
          isReady = true
          ready++
          resolve()
        }
      })
    })
  for (let i = 0; i < count; i += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, j) => open(i + j)))
  await until('all to be connected', () => ready === count)
  return {
    delivered(): Promise<void> {
      missing = count
      return new Promise((resolve) => (all = resolve))
    },
    close() {
      for (const socket of sockets)
        socket
          .removeAllListeners('error')
          .on('error', () => {})
          .destroy()
    },
  }
}
