// Redis for development and tests: a redis-server or valkey-server of this machine, or else one in JavaScript.
import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { attempt } from '../../src/kit/types/attempt.ts'
import { endChild, endOf, endsOf, freePort, SERVICE_ENV, type Service, tailOf, until } from './child.ts'
import { serveEmbeddedRedis } from './embedded-redis.ts'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const PORT_ATTEMPTS = 5

export interface RedisOptions {
  /** Nothing is written to disk. */
  scratch: boolean
  /** The one in JavaScript, even where a server is installed. */
  embedded: boolean
}

/** Starts Redis on a free loopback port with a random password. @throws Error with the end of its log. */
export async function startRedis(dataDir: string, { scratch, embedded }: RedisOptions): Promise<Service> {
  const server = embedded ? null : (Bun.which('redis-server') ?? Bun.which('valkey-server'))
  const password = randomBytes(24).toString('hex')
  return server === null
    ? serveEmbeddedRedis(password)
    : startServer(server, join(dataDir, 'redis'), password, scratch)
}

async function startServer(
  server: string,
  dir: string,
  password: string,
  scratch: boolean,
): Promise<Service> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const logFile = join(dir, 'redis.log')
  for (let tries = 1; ; tries++) {
    rmSync(logFile, { force: true })
    const port = await freePort()
    const url = `redis://:${password}@127.0.0.1:${port}`
    // Read from stdin: an argument would show the password to every user of the machine.
    const child = spawn(server, ['-'], { env: SERVICE_ENV, stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.on('error', () => {}) // it died before it read; `ended` tells
    child.stdin.end(settings({ dir, port, password, logFile, scratch }))
    const ended = endOf(child)
    const version = await Promise.race([untilAnswers(url), ended.then(() => undefined)])
    if (version !== undefined && child.pid !== undefined) {
      const stop = () => endChild(child, 'SIGTERM', STOP_TIMEOUT_MS)
      return {
        url,
        pid: child.pid,
        about: `${version} (${server}) in ${dir}, port ${port}`,
        ...endsOf(ended, (end) => `Redis ended by itself (${end}); its log is ${logFile}`, stop),
      }
    }
    await endChild(child, 'SIGKILL', STOP_TIMEOUT_MS)
    const said = attempt(() => tailOf(readFileSync(logFile, 'utf8'))) ?? '(no log was written)'
    if (!said.includes('Address already in use') || tries === PORT_ATTEMPTS) {
      throw new Error(`${server} did not start. The end of ${logFile}:\n${said}`)
    }
  }
}

function settings(o: {
  dir: string
  port: number
  password: string
  logFile: string
  scratch: boolean
}): string {
  return [
    'bind 127.0.0.1',
    `port ${o.port}`,
    `requirepass ${o.password}`,
    `dir ${JSON.stringify(o.dir)}`,
    `logfile ${JSON.stringify(o.logFile)}`,
    'loglevel warning',
    'save ""',
    `appendonly ${o.scratch ? 'no' : 'yes'}`,
    '',
  ].join('\n')
}

/** Name and version of the server once it has loaded its data; undefined if it did not in time. */
async function untilAnswers(url: string): Promise<string | undefined> {
  let info: string | undefined
  await until(async () => {
    info = await askOnce(url, (redis) => redis.info('server'))
    return info !== undefined
  }, START_TIMEOUT_MS)
  if (info === undefined) return undefined
  const valkey = /^valkey_version:(\S+)/m.exec(info)
  return valkey ? `Valkey ${valkey[1]}` : `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1]}`
}

/** Undefined where nobody is there, or somebody else, or it gives no answer. */
async function askOnce<T>(url: string, ask: (redis: Redis) => Promise<T>): Promise<T | undefined> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 })
  redis.on('error', () => {}) // the rejected command tells
  try {
    await redis.connect()
    return await ask(redis)
  } catch {
    return undefined
  } finally {
    redis.disconnect()
  }
}

/**
 * Ends a server that outlived its keeper: two of them would spoil one append-only file.
 * That it takes our random password proves that it is ours.
 */
export const endOrphanedRedis = (url: string) => askOnce(url, (redis) => redis.call('SHUTDOWN'))
