// Load on a server: so many connections, each of which asks again as soon as it is answered; every answer is counted.

export interface LoadResult {
  ok: number
  /** What went wrong, and how often. */
  failures: Record<string, number>
  /** Milliseconds of each answer, in the order of their arrival. */
  times: { at: number; ms: number }[]
  /** The longest that one of the clients went without an answer, between two of them. */
  longestGapMs: number
}

export interface Load {
  /** Answers so far. */
  answered(): number
  failed(): number
  /** Lets each connection get its last answer. */
  stop(): Promise<LoadResult>
}

/** Answered after a while: each connection has a request in hand all the time, and the machine has time for what else happens. */
export const A_WHILE = '/apitest/sleep?ms=20'

/**
 * Starts it. `keepAlive: false` opens a connection for each request and says `Connection: close`.
 * `pauseMs` is what a client waits between an answer and its next question on the same connection.
 * A client of a connection that ends without an answer counts a failure: it never tries again.
 */
export function startLoad(
  url: string,
  {
    connections = 64,
    keepAlive = true,
    pauseMs = 0,
    path = '/health',
  }: { connections?: number; keepAlive?: boolean; pauseMs?: number; path?: string } = {},
): Load {
  const { hostname, port } = new URL(url)
  const request = `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n${keepAlive ? '' : 'Connection: close\r\n'}\r\n`
  const result: LoadResult = { ok: 0, failures: {}, times: [], longestGapMs: 0 }
  const started = performance.now()
  let stopping = false

  const fail = (why: string) => {
    result.failures[why] = (result.failures[why] ?? 0) + 1
  }
  const count = (head: string, sentAt: number, lastAt: number) => {
    const now = performance.now()
    const status = head.slice(9, 12)
    result.longestGapMs = Math.max(result.longestGapMs, now - lastAt)
    result.times.push({ at: now - started, ms: now - sentAt })
    if (status === '200') result.ok++
    else fail(`status ${status}`)
  }

  /** One connection, for as long as the server keeps it open. */
  const converse = (client: { lastAt: number }) =>
    new Promise<void>((resolve) => {
      let text = ''
      let sentAt: number | undefined
      const ask = (socket: Bun.Socket) => {
        sentAt = performance.now()
        socket.write(request)
      }
      Bun.connect({
        hostname,
        port: Number(port),
        socket: {
          open: ask,
          data(socket, chunk) {
            text += chunk.toString('latin1')
            const end = endOfAnswer(text)
            if (end === undefined || sentAt === undefined) return
            count(text, sentAt, client.lastAt)
            client.lastAt = performance.now()
            const isLast = !keepAlive || stopping || /^connection: close/im.test(text.slice(0, end))
            text = ''
            sentAt = undefined
            if (isLast) socket.end()
            else if (pauseMs > 0) setTimeout(ask, pauseMs, socket)
            else ask(socket)
          },
          close() {
            if (sentAt !== undefined) fail('connection ended without an answer')
            resolve()
          },
          error: () => {},
          connectError: () => {},
        },
      }).catch(() => {
        fail('no connection')
        resolve()
      })
    })

  const all = Promise.all(
    Array.from({ length: connections }, async () => {
      const client = { lastAt: performance.now() }
      while (!stopping) await converse(client)
    }),
  )
  return {
    answered: () => result.times.length,
    failed: () => Object.values(result.failures).reduce((a, b) => a + b, 0),
    async stop() {
      stopping = true
      await all
      return result
    },
  }
}

/** Where the head ends, once the whole answer has arrived. */
function endOfAnswer(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, end))?.[1] ?? 0)
  return text.length >= end + 4 + length ? end : undefined
}
