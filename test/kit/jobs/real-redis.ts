// A redis-server of one's own, with an append-only file, that can be killed and started again.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

export interface RealRedis {
  readonly url: string
  readonly pid: number
  /** SIGKILL, as a machine that loses a process would. */
  kill(): Promise<void>
  /** Again on the same port and data. */
  start(): Promise<void>
  /** Ends it and deletes its data. */
  remove(): Promise<void>
}

/** Whether this machine has a redis-server. */
export const hasRedisServer = () => Bun.which('redis-server') !== null

/**
 * @param settings such as `['--maxmemory', '4mb']`
 * @param parent of the folder for its data
 */
export async function startRedis(settings: string[] = [], parent = tmpdir()): Promise<RealRedis> {
  const dir = await mkdtemp(join(parent, 'restbun-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '']
    const args = [...fixed, '--appendonly', 'yes', '--logfile', join(dir, 'log')]
    args.push('--repl-diskless-sync-delay', '0', ...settings)
    child = spawn('redis-server', args, { stdio: 'ignore' })
    const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
    redis.on('error', () => {})
    await redis.ping()
    redis.disconnect()
  }
  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = Promise.withResolvers<void>()
    child.once('exit', () => gone.resolve())
    child.kill('SIGKILL')
    await gone.promise
  }
  await start()
  return {
    url,
    get pid() {
      return child?.pid ?? 0
    },
    kill,
    start,
    async remove() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Makes the replica `next` the primary when it has all that `old` has, which becomes its replica: nothing is lost. */
export async function promote(old: RealRedis, next: RealRedis): Promise<void> {
  const [from, to] = [new Redis(old.url), new Redis(next.url)]
  const portOf = ({ url }: RealRedis) => new URL(url).port
  const offsetOf = async (redis: Redis) =>
    /master_repl_offset:(\d+)/.exec(await redis.info('replication'))?.[1]
  try {
    await to.call('REPLICAOF', '127.0.0.1', portOf(old))
    await until('the replica', async () => /master_link_status:up/.test(await to.info('replication')))
    await from.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    await until('all of it', async () => (await offsetOf(from)) === (await offsetOf(to)))
    await to.call('REPLICAOF', 'NO', 'ONE')
    await from.call('REPLICAOF', '127.0.0.1', portOf(next))
    await from.call('CLIENT', 'UNPAUSE')
  } finally {
    from.disconnect()
    to.disconnect()
  }
}
