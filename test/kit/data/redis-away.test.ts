// How the connection to Redis bears one that goes away: nothing is done twice, nothing is lost, and it comes back by itself.
import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, connect as connectSocket, type Socket } from 'node:net'
import type { Redis } from 'ioredis'
import { connectBlocking, connectRedis } from '../../../src/kit/data/redis.ts'
import { createStore } from '../../../src/kit/data/store.ts'
import { silent } from '../support/log.ts'
import { freePort } from '../support/ports.ts'
import { redisUrl } from '../support/services.ts'
import { openStore } from '../support/store.ts'
import { until } from '../support/until.ts'

const { prefix, redis, store } = openStore()

const answers = (client: Redis) =>
  client.ping().then(
    () => true,
    () => false,
  )

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

describe('a Redis that goes away', () => {
  const opened: { close(): void }[] = []
  afterEach(() => {
    for (const each of opened.splice(0)) each.close()
  })

  /**
   * Stands between a client and Redis: `cut` takes Redis away, `mute` loses its replies (it still does what it is
   * told), `restore` brings it back.
   */
  async function openProxy() {
    const target = new URL(redisUrl())
    const sockets = new Set<Socket>()
    let muted = false
    let sent = ''
    const server = createServer((client) => {
      const upstream = connectSocket(Number(target.port), target.hostname)
      client.on('data', (data) => {
        sent += String(data)
        upstream.write(data)
      })
      upstream.on('data', (data) => muted || client.write(data))
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(one)
        one.on('error', () => {})
        one.on('close', () => {
          sockets.delete(one)
          other.destroy()
        })
      }
    })
    const port = await freePort() // nobody takes it while it is cut
    const listen = () =>
      new Promise<void>((resolve) => {
        server.listen(port, '127.0.0.1', resolve)
      })
    await listen()
    const url = new URL(target)
    url.hostname = '127.0.0.1'
    url.port = String(port)
    const cut = () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
    opened.push({ close: cut })
    return {
      url: url.href,
      cut,
      mute: () => {
        muted = true
      },
      sent: () => sent,
      async restore() {
        muted = false
        if (!server.listening) await listen()
      },
    }
  }

  function connectThrough(url: string) {
    const lines: string[] = []
    const client = connectRedis(url, {
      log: {
        ...silent,
        info: (message) => lines.push(`info ${message}`),
        error: (message) => lines.push(`error ${message}`),
      },
    })
    opened.push({ close: () => client.disconnect() })
    return { client, lines }
  }

  test('is refused, logged once, and served again by itself', async () => {
    const proxy = await openProxy()
    const { client, lines } = connectThrough(proxy.url)
    expect(await client.ping()).toBe('PONG')

    proxy.cut()
    await until('the loss to be logged', () => lines.length > 0)
    for (const _ of range(5)) expect(await answers(client)).toBe(false)
    let retries = 0
    client.on('reconnecting', () => retries++)
    await until('retries', () => retries >= 3)

    await proxy.restore()
    await until('an answer', () => answers(client))
    expect(lines.map((line) => line.replace(/ at \S+/, ''))).toEqual([
      expect.stringMatching(/^error Redis (is away|closed the connection); trying again$/),
      'info Redis is back',
    ])
  })

  test('is noticed when it merely falls silent', async () => {
    const proxy = await openProxy()
    const { client, lines } = connectThrough(proxy.url)
    expect(await client.ping()).toBe('PONG')

    proxy.mute()
    expect(await answers(client)).toBe(false)
    await until('the loss to be logged', () => lines.length > 0)

    await proxy.restore()
    await until('an answer', () => answers(client))
    expect(lines).toHaveLength(2)
  })

  test('does nothing twice: a command whose reply was lost is not sent again', async () => {
    const proxy = await openProxy()
    const { client } = connectThrough(proxy.url)
    const counting = createStore(client, prefix)
    await counting.increment('lost replies')
    proxy.mute()
    const outcomes = Promise.allSettled(range(10).map(() => counting.increment('lost replies')))
    await until('all to be counted', async () => (await store.get('lost replies')) === 11)
    proxy.cut()
    expect((await outcomes).map((o) => o.status)).toEqual(range(10).map(() => 'rejected'))

    await proxy.restore()
    await until('an answer', () => answers(client))
    expect(await counting.increment('lost replies')).toBe(12)
  })

  test('ends a wait with an error, and the next wait works', async () => {
    const proxy = await openProxy()
    const { client } = connectThrough(proxy.url)
    const waiting = createStore(client, prefix)
    opened.push(waiting)
    const wait = waiting.pop('outage', 60)
    await waiting.length('outage')
    proxy.cut()
    expect(await wait.catch((error: unknown) => error)).toBeInstanceOf(Error)

    await proxy.restore()
    await until('an answer', () => answers(client))
    const again = waiting.pop<number>('outage', 60)
    await store.append('outage', 7)
    expect(await again).toBe(7)
  })

  test('loses no item whose arrival it could not tell to a call that waits', async () => {
    const proxy = await openProxy()
    const { client } = connectThrough(proxy.url)
    const waiting = createStore(redis, prefix, () => connectBlocking(client))
    opened.push(waiting)
    const wait = waiting.pop('unheard', 60)
    await until('the wait', () => /blmove/i.test(proxy.sent()))
    proxy.mute()
    await redis.rpush(`${prefix}kv:unheard`, '1', '2')
    proxy.cut()
    expect(await wait.catch((error: unknown) => error)).toBeInstanceOf(Error)
    expect(await store.all<number>('unheard')).toEqual([1, 2])
  })

  test('because the password is wrong is said as such', async () => {
    const url = new URL(redisUrl())
    url.username = 'nobody'
    url.password = 'not-the-password'
    const { client, lines } = connectThrough(url.href)
    expect(await client.ping().catch(String)).toContain('WRONGPASS')
    expect(lines.join()).toContain('refuses the user or password in REDIS_URL')
    expect(lines.join()).not.toContain('not-the-password')
  })
})
