// The process that holds the embedded services: it starts them, says where they are, and ends them with its parent.
//
// A process of its own, in a session of its own: Ctrl-C reaches the whole group of the terminal,
// and Postgres must outlast the API's drain. It lives until its stdin closes, which even kill -9 of the parent does.
import { Database } from 'bun:sqlite'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Service } from './child.ts'
import { removeCluster, startPostgres } from './postgres.ts'
import { endOrphanedRedis, startRedis } from './redis.ts'
import { type KeeperMessage, type KeeperOptions, readServicesFile, servicesFile } from './protocol.ts'

const options = JSON.parse(process.argv[2] ?? '') as KeeperOptions
const { dataDir, scratch } = options
const running: Service[] = []
let ending = false

const say = (message: KeeperMessage) => process.stdout.write(`${JSON.stringify(message)}\n`)

process.stdin
  .on('end', () => void end(0))
  .on('error', () => void end(0))
  .resume()
process.stdout.on('error', () => {}) // the parent is gone; stdin tells the same
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void end(0))

try {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (lockDirectory()) await start()
  else {
    say({ is: 'busy' })
    process.exit(0)
  }
} catch (error) {
  say({ is: 'failed', reason: explain(error) })
  await end(1)
}

/** The system lets go of the lock when this process dies, however it dies. */
function lockDirectory(): boolean {
  const lock = new Database(join(dataDir, 'lock'))
  Object.assign(globalThis, { lock }) // a collected handle would give the lock up
  try {
    lock.run('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return false
    throw error
  }
}

async function start(): Promise<void> {
  const left = readServicesFile(dataDir)
  if (left?.redisUrl) await endOrphanedRedis(left.redisUrl)
  rmSync(servicesFile(dataDir), { force: true })

  const [database, redis] = await settleAll([
    options.postgres ? hold(startPostgres(dataDir, { scratch })) : undefined,
    options.redis
      ? hold(startRedis(dataDir, { scratch, embedded: options.redis === 'embedded' }))
      : undefined,
  ])
  const coordinates = { databaseUrl: database?.url, redisUrl: redis?.url, pid: process.pid }
  writeFileSync(servicesFile(dataDir), JSON.stringify(coordinates), { mode: 0o600 })
  say({
    is: 'ready',
    ...coordinates,
    about: [database, redis].flatMap((service) => service?.about ?? []),
    pids: running.flatMap((service) => service.pid ?? []),
  })
  const reason = await Promise.race(running.map((service) => service.failed))
  say({ is: 'failed', reason })
  await end(1)
}

async function hold(starting: Promise<Service>): Promise<Service> {
  const service = await starting
  running.push(service)
  return service
}

/** Waits for both even if one fails, so that the one that started is stopped too. */
async function settleAll(wanted: (Promise<Service> | undefined)[]): Promise<(Service | undefined)[]> {
  const starting = wanted.map((service) => Promise.resolve(service))
  await Promise.allSettled(starting)
  return Promise.all(starting)
}

async function end(code: number): Promise<void> {
  if (ending) return
  ending = true
  rmSync(servicesFile(dataDir), { force: true })
  await Promise.all(running.map((service) => service.stop()))
  if (scratch) {
    removeCluster(dataDir)
    rmSync(dataDir, { recursive: true, force: true })
  }
  process.exit(code)
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM' || code === 'SQLITE_CANTOPEN' || code === 'SQLITE_READONLY') {
    return `${error.message}\nThis user may not use ${dataDir}: it was made by another one (root?). Change its owner, or set DATA_DIR`
  }
  return error.message
}
