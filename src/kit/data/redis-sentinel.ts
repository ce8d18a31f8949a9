// Connects to the master that Sentinels name, and leaves it as soon as they name another one.
import type { Socket } from 'node:net'
import { Redis, type RedisOptions } from 'ioredis'
import { type Address, PrimaryConnector } from './redis-primary.ts'

export interface Sentinels {
  addresses: { host: string; port: number }[]
  /** The name of what they watch. */
  master: string
  /** User, password and TLS for the Sentinels themselves. */
  auth: Pick<RedisOptions, 'username' | 'password' | 'tls'>
}

const LOOKUP_TIMEOUT_MS = 2000
const RECONNECT_MS = 1000
/** A Sentinel that is cut off says nothing, and listening alone would not notice. */
const KEEP_ALIVE_MS = 5000
const SWITCHED = '+switch-master'

/**
 * Returns a connector for these Sentinels. That of ioredis 6.0 ends a client for good if a switch is announced while it
 * looks for the master, waits for a frozen Sentinel without a bound, and prints errors of its connections to Sentinels.
 */
export function sentinelConnector(sentinels: Sentinels): NonNullable<RedisOptions['Connector']> {
  return class SentinelConnector extends PrimaryConnector {
    protected override locate(): Promise<Address> {
      return findMaster(sentinels, this.options.connectTimeout)
    }

    protected override onConnected(stream: Socket, address: Address): void {
      leaveOnSwitch(stream, address, sentinels)
    }
  }
}

/**
 * All are asked at once, and waited for until most have answered: one that is frozen or cut off holds nothing up, and one
 * that was parted from the others, with the former master, is not believed.
 */
async function findMaster(sentinels: Sentinels, timeoutMs = LOOKUP_TIMEOUT_MS): Promise<Address> {
  const bounds = { connectTimeout: timeoutMs, commandTimeout: timeoutMs, socketTimeout: timeoutMs }
  const clients = connectAll(sentinels, { ...bounds, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  const answers: { address: Address; epoch: number }[] = []
  const why = new Set<string>()
  await new Promise<void>((resolve) => {
    const ask = async (client: Redis) => {
      try {
        answers.push(await askForMaster(client, sentinels.master))
        if (answers.length > clients.length / 2) resolve()
      } catch (error) {
        why.add(error instanceof Error ? error.message : String(error))
      }
    }
    void Promise.all(clients.map(ask)).then(() => resolve())
  })
  for (const client of clients) client.disconnect()
  const [newest] = answers.toSorted((a, b) => b.epoch - a.epoch)
  if (newest) return newest.address
  const message = `no Sentinel names the master ${sentinels.master}: ${[...why].join(', ')}`
  throw Object.assign(new Error(message), { code: 'REDIS_AWAY' })
}

/** The epoch counts failovers. */
async function askForMaster(client: Redis, name: string): Promise<{ address: Address; epoch: number }> {
  const [place, facts] = await Promise.all([
    client.call('SENTINEL', 'get-master-addr-by-name', name),
    client.call('SENTINEL', 'master', name),
  ])
  if (!Array.isArray(place) || !Array.isArray(facts)) throw new Error('it does not know that name')
  const epoch = Number(facts[facts.indexOf('config-epoch') + 1])
  return { address: { host: String(place[0]), port: Number(place[1]) }, epoch }
}

/** Each is listened to, as long as the connection lives: whichever is left tells of the switch. */
function leaveOnSwitch(stream: Socket, { host, port }: Address, sentinels: Sentinels): void {
  const clients = connectAll(sentinels, {
    connectTimeout: LOOKUP_TIMEOUT_MS,
    socketTimeout: LOOKUP_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    autoResubscribe: false,
    retryStrategy: () => RECONNECT_MS,
  })
  stream.once('close', () => clients.forEach((client) => client.disconnect()))
  for (const client of clients) {
    client.on('ready', () => void client.subscribe(SWITCHED).catch(() => {}))
    client.on('message', (_channel, said: string) => {
      const isOurs = said.startsWith(`${sentinels.master} `)
      if (isOurs && !said.endsWith(` ${host} ${port}`)) stream.destroy()
    })
  }
}

const connectAll = ({ addresses, auth }: Sentinels, options: RedisOptions) =>
  addresses.map((address) => {
    const client = new Redis({
      ...address,
      ...auth,
      ...options,
      protocol: 2,
      enableReadyCheck: false,
      disconnectTimeout: 0,
    })
    client.on('error', () => {}) // what it is asked fails, or the next connection is tried
    return client
  })
