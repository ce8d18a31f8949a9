// A client that asks Sentinels for its master: it follows the master wherever it goes, and nothing that happens on the way ends it.
import { afterEach, expect, test } from 'bun:test'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Redis } from 'ioredis'
import { connectBlocking, connectRedis } from '../../../src/kit/data/redis.ts'
import { silent } from '../support/log.ts'
import { freePort } from '../support/ports.ts'
import { redisUrl } from '../support/services.ts'
import { until } from '../support/until.ts'

const MASTER = 'ours'
/** Of a client that is to ask anew soon. */
const SOON_MS = 500

/** Answers as a Sentinel does where the master is: the Redis of the tests, if nobody says otherwise. */
class FakeSentinel {
  /** Whether it takes connections and says nothing, as one does that is frozen. */
  isFrozen = false
  /** How many failovers it knows of. */
  epoch = 0
  master = new URL(redisUrl())
  port = 0
  readonly #subscribers = new Set<Socket>()
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => [this.#sockets, this.#subscribers].forEach((set) => set.delete(socket)))
    socket.on('data', (data) => {
      const words = String(data)
        .split('\r\n')
        .filter((word) => !/^[*$]/.test(word))
      words.forEach((word, i) => this.#hear(socket, word.toLowerCase(), words[i + 1] ?? ''))
    })
  })

  start = (port = 0) =>
    new Promise<this>((resolve) =>
      this.#server.listen(port, '127.0.0.1', () => {
        this.port = (this.#server.address() as AddressInfo).port
        resolve(this)
      }),
    )

  #hear(socket: Socket, word: string, next: string): void {
    if (this.isFrozen) return
    if (word === 'get-master-addr-by-name') {
      socket.write(bulks(this.master.hostname, this.master.port))
    }
    if (word === 'master') socket.write(bulks('name', MASTER, 'config-epoch', String(this.epoch)))
    if (word === 'setinfo') socket.write('+OK\r\n')
    if (word === 'subscribe') {
      this.#subscribers.add(socket)
      socket.write(`*3\r\n${bulk('subscribe')}${bulk(next)}:1\r\n`)
    }
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  /** Says that the master is another. */
  announce(name = MASTER, to = '127.0.0.2 6379'): void {
    const text = `${name} 127.0.0.1 1 ${to}`
    for (const socket of this.#subscribers) socket.write(bulks('message', '+switch-master', text))
  }

  stop(): Promise<unknown> {
    for (const socket of this.#sockets) socket.destroy()
    return new Promise((resolve) => this.#server.close(resolve))
  }
}

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const bulks = (...texts: string[]) => `*${texts.length}\r\n${texts.map(bulk).join('')}`

const opened: { sentinels: FakeSentinel[]; clients: Redis[] } = { sentinels: [], clients: [] }
afterEach(async () => {
  for (const client of opened.clients.splice(0)) client.disconnect()
  await Promise.all(opened.sentinels.splice(0).map((one) => one.stop()))
})

async function startSentinels(count: number): Promise<FakeSentinel[]> {
  const made = await Promise.all(
    Array.from({ length: count }, async () => new FakeSentinel().start(await freePort())),
  )
  opened.sentinels.push(...made)
  return made
}

/** The password is that of the Redis of the tests. */
const urlOf = (sentinels: readonly { port: number }[], after = '') => {
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  return `redis+sentinel://default:${new URL(redisUrl()).password}@${hosts}/${MASTER}${after}`
}

/** As long as a busy machine may take, or one waits in vain. */
function open(url: string, timeoutMs = 60_000): Redis {
  const client = connectRedis(url, { log: silent, timeoutMs })
  opened.clients.push(client)
  return client
}

const idOf = (client: Redis) => client.client('ID').catch(() => undefined)
/** A busy machine may answer too late for one that asks anew soon. */
const connected = (client: Redis) => until('an answer', () => idOf(client))
/** Until it has another connection, which answers. */
const reconnected = (client: Redis, before: unknown) =>
  until('another connection', async () => {
    const id = await idOf(client)
    return id !== undefined && id !== before
  })

async function kill(id: unknown): Promise<void> {
  const admin = connectRedis(redisUrl(), { log: silent })
  await admin.client('KILL', 'ID', Number(id))
  admin.disconnect()
}

test('a switch that is announced while the master is looked for does not end the client', async () => {
  const [sentinel] = await startSentinels(1)
  if (!sentinel) return
  const client = open(urlOf([sentinel]), SOON_MS)
  const before = await connected(client)
  await until('the client to listen', () => sentinel.subscribers > 0)
  sentinel.isFrozen = true
  await kill(before)
  await until('the client to ask', () => client.status === 'connecting')
  sentinel.announce()
  await until('the client to have heard', () => client.status !== 'ready')
  sentinel.isFrozen = false
  await reconnected(client, before)
})

test('a master that answers on is left when another one is announced, and for no other reason', async () => {
  const sentinels = await startSentinels(2)
  const client = open(urlOf(sentinels))
  const before = await connected(client)
  await until('the client to listen', () => sentinels.every(({ subscribers }) => subscribers > 0))
  sentinels[0]?.announce('theirs')
  const { hostname, port } = new URL(redisUrl())
  sentinels[0]?.announce(MASTER, `${hostname} ${port}`) // one that hears of it late
  expect(await connected(client)).toBe(before)
  sentinels[1]?.announce()
  await reconnected(client, before)
})

test('it listens again at a Sentinel that was away', async () => {
  const [sentinel, other] = await startSentinels(2)
  if (!sentinel || !other) return
  const client = open(urlOf([sentinel, other]))
  const before = await connected(client)
  await until('the client to listen', () => sentinel.subscribers > 0)
  await sentinel.stop()
  const again = await new FakeSentinel().start(sentinel.port)
  opened.sentinels.push(again)
  await until('the client to listen again', () => again.subscribers > 0)
  expect(await connected(client)).toBe(before)
  again.announce()
  await reconnected(client, before)
})

test('a Sentinel that knows of no switch, as it was parted from the others, is not believed', async () => {
  const [parted, other, third] = await startSentinels(3)
  if (!parted || !other || !third) return
  parted.master = new URL('redis://127.0.0.1:1')
  for (const one of [other, third]) one.epoch = 1
  for (let n = 0; n < 10; n++) expect(await open(urlOf([parted, other, third])).ping()).toBe('PONG')
})

test('a Sentinel that is frozen or gone costs nothing while most answer', async () => {
  const sentinels = await startSentinels(4)
  const [frozen] = sentinels
  if (frozen) frozen.isFrozen = true
  const client = open(urlOf([{ port: 1 }, ...sentinels]))
  expect(await client.ping()).toBe('PONG')
})

test('while no Sentinel answers Redis counts as away, and it is there as soon as one does', async () => {
  const [sentinel] = await startSentinels(1)
  if (!sentinel) return
  sentinel.isFrozen = true
  const client = open(urlOf([sentinel]), SOON_MS)
  const blocking = connectBlocking(client)
  opened.clients.push(blocking)
  const waits = blocking.blpop('nothing', 0.01).catch(() => {})
  expect(await client.ping().catch((error: Error) => error)).toBeInstanceOf(Error)
  sentinel.isFrozen = false
  await until('Redis to be back', () => client.ping().catch(() => undefined))
  await waits
  expect(await until('the other connection', () => blocking.ping().catch(() => undefined))).toBe('PONG')
})

test('a closed client asks and listens no more', async () => {
  const [sentinel] = await startSentinels(1)
  if (!sentinel) return
  const client = open(urlOf([sentinel]))
  await client.ping()
  await until('the client to listen', () => sentinel.subscribers > 0)
  await client.quit()
  await until('nobody to listen', () => sentinel.subscribers === 0)
  expect(client.status).toBe('end')
})
