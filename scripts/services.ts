// Embedded Postgres and Redis for development and tests: started for a command, or shared with one that runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { settings } from '../src/config.ts'
import { attempt } from '../src/kit/types/attempt.ts'
import { isAlive } from './services/child.ts'
import {
  type Coordinates,
  type KeeperMessage,
  type KeeperOptions,
  readServicesFile,
} from './services/protocol.ts'

type Environment = Record<string, string | undefined>

export interface Services extends Coordinates {
  /** One line for each, to be shown to a person. */
  about: string[]
  /** Resolves with the reason if they end without having been closed. */
  ended: Promise<string>
  /** Ends them if this process started them. */
  close(): Promise<void>
}

/** What `provideServices` answers: `provided` is what it has added to the environment. */
export interface Provided extends Pick<Services, 'about' | 'ended' | 'close'> {
  env: Environment
  provided: Environment
}

const ROOT = resolve(import.meta.dir, '..')
const BUSY_TIMEOUT_MS = 60_000
const BUSY_POLL_MS = 200

/**
 * The environment with what files of settings hold, and DATABASE_URL and REDIS_URL filled in where they are not set:
 * services that already run for this checkout (DATA_DIR) are shared, others start and last until `close`. Production has
 * its own.
 * @param needs which of the two the command uses at all
 * @throws ConfigError for a file that cannot be read, Error that says what did not start, and why
 */
export async function provideServices(
  given: Environment,
  needs: { postgres: boolean; redis: boolean } = { postgres: true, redis: true },
): Promise<Provided> {
  const env = settings.readFiles(given)
  const postgres = needs.postgres && !env.DATABASE_URL
  const redis = needs.redis && !env.REDIS_URL
  if (env.NODE_ENV === 'production' || !(postgres || redis)) {
    return { env, provided: {}, about: [], ended: new Promise(() => {}), close: async () => {} }
  }
  const dataDir = resolve(ROOT, env.DATA_DIR || '.data')
  const services = await startServices({ dataDir, postgres, redis: redis && 'any', scratch: false })
  const provided = {
    ...(postgres ? { DATABASE_URL: services.databaseUrl } : {}),
    ...(redis ? { REDIS_URL: services.redisUrl } : {}),
  }
  return {
    env: { ...env, ...provided },
    provided,
    about: services.about,
    ended: services.ended,
    close: services.close,
  }
}

/** Starts services on a data directory, or shares those that run there. @throws Error that says what did not start. */
export async function startServices(options: KeeperOptions): Promise<Services> {
  const end = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    const shared = await findRunning(options)
    if (shared) return shared
    const started = await startKeeper(options)
    if (started) return started
    if (performance.now() > end)
      throw new Error(`Another process holds ${options.dataDir}, and its services do not answer`)
    await Bun.sleep(BUSY_POLL_MS)
  }
}

async function findRunning(options: KeeperOptions): Promise<Services | undefined> {
  const found = readServicesFile(options.dataDir)
  if (!found || !isAlive(found.pid)) return undefined
  const urls = [found.databaseUrl, found.redisUrl].filter((url) => url !== undefined)
  if (!(await Promise.all(urls.map(accepts))).every(Boolean)) return undefined
  if ((options.postgres && !found.databaseUrl) || (options.redis && !found.redisUrl)) {
    throw new Error(
      `Services already run on ${options.dataDir} (process ${found.pid}), but not all that are needed now: end that process first`,
    )
  }
  return {
    ...found,
    about: [
      `Postgres and Redis of process ${found.pid}, which uses ${options.dataDir} too: they end with it`,
    ],
    ended: new Promise(() => {}),
    close: async () => {},
  }
}

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((answer) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => answer(true)).once('error', () => answer(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Undefined if another keeper has the directory. */
async function startKeeper(options: KeeperOptions): Promise<Services | undefined> {
  const keeper = spawn(
    process.execPath,
    [join(ROOT, 'scripts/services/keeper.ts'), JSON.stringify(options)],
    {
      cwd: ROOT,
      env: { ...process.env, NODE_ENV: 'development' },
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true, // its own session: Ctrl-C must not reach Postgres before the API has drained
    },
  )
  keeper.stdin.on('error', () => {}) // its exit tells
  const exited = once(keeper, 'exit') as Promise<[number | null, string | null]>
  const lines = createInterface({ input: keeper.stdout })[Symbol.asyncIterator]()

  const first = await readMessage(lines)
  if (first === undefined) {
    const [code, signal] = await exited
    throw new Error(`The process that starts Postgres and Redis ended (${signal ?? `exit code ${code}`})`)
  }
  if (first.is !== 'ready') await exited
  if (first.is === 'busy') return undefined
  if (first.is === 'failed') throw new Error(first.reason)

  const { about, pids, databaseUrl, redisUrl, pid } = first
  let closing = false
  return {
    databaseUrl,
    redisUrl,
    pid,
    about,
    ended: new Promise((tell) => {
      void readMessage(lines).then(async (last) => {
        await exited
        if (closing) return
        // A killed keeper could not end them; one may have ended already.
        for (const each of pids) attempt(() => process.kill(each, 'SIGKILL'))
        tell(last?.is === 'failed' ? last.reason : 'The process that held Postgres and Redis was killed')
      })
    }),
    async close() {
      closing = true
      keeper.stdin.end()
      await exited
    },
  }
}

async function readMessage(lines: AsyncIterator<string>): Promise<KeeperMessage | undefined> {
  const { value, done } = await lines.next()
  return done ? undefined : (JSON.parse(value) as KeeperMessage)
}
