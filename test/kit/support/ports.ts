// Finds ports for what a test starts, and tells whether somebody listens on one.

/**
 * A port that nobody uses, and that the system gives to nobody who asks for any. Nor does this give it to another test
 * before this process ends: of UDP, where nothing listens, it is held until then.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const hold = await Bun.udpSocket({ hostname: '127.0.0.1', port }).catch(() => undefined)
    if (hold === undefined) continue
    if (!(await accepts(port))) {
      hold.unref()
      held.push(hold)
      return port
    }
    hold.close()
  }
}

const held: { close(): void }[] = []

export const accepts = (port: number) =>
  Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
    (socket) => {
      socket.end()
      return true
    },
    () => false,
  )
