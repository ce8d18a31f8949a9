// Holds the one connection by which a process hears that a channel has news, and reads them.
import { hash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { duplicateRedis, primaries } from '../data/redis-open.ts'
import { wakeOf } from './event-log.ts'

/** So that a connection that died silently is noticed. */
const PING_MS = 5000

export interface WakeUp {
  /** To read by, while `run` is not undefined: what is asked while it is away is refused. */
  readonly redis: Redis
  /** Which run of Redis it is connected to; undefined while it is not. */
  readonly run: string | undefined
  /** Unix ms at which it was last known to miss nothing. */
  readonly at: number
  close(): void
}

/**
 * Connects at once, and again and again.
 * @param on.news has the key of a channel
 * @param on.back is called when it is connected, at the first time too: what came meanwhile was told to nobody
 */
export function openWakeUp(
  main: Redis,
  prefix: string,
  on: { news(key: string): void; back(): Promise<void> },
): WakeUp {
  const redis = duplicateRedis(main, {
    connectionName: 'channels',
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    autoResubscribe: false, // here, so that it is known when it is done
    protocol: 3, // under which a connection that listens takes commands, too
  })
  let run: string | undefined
  let at = Date.now()
  redis.on('message', (_channel, key) => on.news(key))
  redis.on('close', () => (run = undefined))
  // Broken off again: the next `ready` follows. A Cluster is ready once, and tells of a node that is gone, or that listened.
  const again = () => void begin().catch(() => redis.disconnect(true))
  redis.on('ready', again)
  if (redis.isCluster) for (const event of ['-node', 'forceRefresh']) redis.on(event, again)
  redis.connect().catch(() => {})

  async function begin(): Promise<void> {
    const infos = await Promise.all(primaries(redis).map((one) => one.info('server').catch(refusedInfo)))
    await redis.subscribe(wakeOf(prefix))
    // Without a name of its own each connection counts as another run: rather say that something may be lost.
    const ids = infos.map((info) => /run_id:(\w{12})/.exec(info)?.[1])
    const isNamed = ids.length > 0 && !ids.includes(undefined)
    run = isNamed
      ? nameOf(ids.map(String).toSorted((a, b) => (a < b ? -1 : 1)))
      : crypto.randomUUID().slice(0, 12)
    await on.back()
    at = Date.now()
  }

  const timer = setInterval(() => {
    const asked = Date.now()
    if (run !== undefined)
      Promise.all(primaries(redis).map((one) => one.ping())).then(
        () => (at = asked),
        () => {},
      ) // its failure closes the connection
  }, PING_MS)

  return {
    redis,
    get run() {
      return run
    },
    get at() {
      return at
    },
    close() {
      clearInterval(timer)
      redis.disconnect()
    },
  }
}

/** The run of one server, or of all together. */
const nameOf = ([first = '', ...others]: unknown[]) =>
  others.length === 0 ? String(first) : hash('sha256', [first, ...others].join()).slice(0, 12)

/** Some keep INFO to themselves. */
function refusedInfo(error: unknown): string {
  if (error instanceof Error && /^(NOPERM|ERR)/.test(error.message)) return ''
  throw error
}
