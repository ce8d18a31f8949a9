// `npm start` and `npm run dev`: services where they are missing, migrations, the API, and an orderly end of all.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, loadConfig, type Config } from '../src/config.ts'
import { migrate } from './migrate.ts'
import { provideServices } from './services.ts'

const ROOT = join(import.meta.dir, '..')
const STOP_GRACE_MS = 5000
const HEALTH_POLL_MS = 50

type Environment = Record<string, string | undefined>
type Child = ReturnType<typeof startEntry>

/** @param options.hot the API takes edits while it runs (`bun --hot`) */
export async function start({ hot }: { hot: boolean }): Promise<never> {
  try {
    process.exit(await runUntilEnd(process.env, hot))
  } catch (error) {
    if (error instanceof ConfigError || !(error instanceof Error)) console.error(String(error))
    else console.error(error.message)
    process.exit(1)
  }
}

async function runUntilEnd(given: Environment, hot: boolean): Promise<number> {
  const plan = checkSettings(given)
  if (plan.production && process.getuid?.() === 0) {
    console.warn('Warning: this runs as root. Use an account without privileges in production')
  }
  if (!plan.production) refuseTakenPort(plan)

  const stopAsked = listenForStop()
  const services = await provideServices(given)
  for (const line of services.about) console.log(line)
  let code = 0
  try {
    const config = loadConfig(services.env)
    await migrate(config.migrateDatabaseUrl, console.log)
    const children = ['src/server.ts', 'src/worker.ts']
      .filter((entry) => existsSync(join(ROOT, entry)))
      .map((entry) => startEntry(entry, services.env, hot))
    void announce(config, children)

    const died = Promise.race(
      children.map(async (child) => `${child.entry} ended by itself (${await child.exit})`),
    )
    const reason = await Promise.race([stopAsked.then(() => undefined), died, services.ended])
    if (reason !== undefined) {
      console.error(reason)
      code = 1
    }
    await stopAll(children, config.requestTimeoutMs + STOP_GRACE_MS)
  } finally {
    await services.close()
  }
  return code
}

/** All faults at once, before anything starts; the services that are to be filled in stand as they will be. */
function checkSettings(env: Environment): Config {
  if (env.NODE_ENV === 'production') return loadConfig(env)
  return loadConfig({
    ...env,
    DATABASE_URL: env.DATABASE_URL || 'postgres://127.0.0.1/embedded',
    REDIS_URL: env.REDIS_URL || 'redis://127.0.0.1',
  })
}

function refuseTakenPort({ host, port }: Config): void {
  try {
    void Bun.serve({ hostname: host, port, fetch: () => new Response() }).stop(true)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    throw new Error(
      `Port ${port} is taken by another program. End it, or choose another: PORT=${port + 1} npm start`,
      {
        cause: error,
      },
    )
  }
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one ends at once, and everything below with it. */
function listenForStop(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130)
        asked = true
        resolve()
      })
    }
  })
}

function startEntry(entry: string, env: Environment, hot: boolean) {
  const flags = ['--no-orphans', ...(hot ? ['--hot', '--no-clear-screen'] : [])]
  const child = Bun.spawn([process.execPath, ...flags, entry], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return {
    entry,
    process: child,
    exit: child.exited.then(() => child.signalCode ?? `exit code ${child.exitCode}`),
  }
}

/** Says the address as soon as it answers. */
async function announce({ host, port, mode }: Config, children: Child[]): Promise<void> {
  const url = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`
  while (children.every((child) => child.process.exitCode === null)) {
    const answers = await fetch(`${url}/health`).then(
      (reply) => reply.ok,
      () => false,
    )
    if (answers) return console.log(`\n  ${url}  (${mode}; Ctrl-C ends it)\n`)
    await Bun.sleep(HEALTH_POLL_MS)
  }
}

async function stopAll(children: Child[], graceMs: number): Promise<void> {
  for (const child of children) child.process.kill('SIGTERM')
  const kill = setTimeout(() => {
    for (const child of children) child.process.kill('SIGKILL')
  }, graceMs)
  await Promise.all(children.map((child) => child.exit))
  clearTimeout(kill)
}

if (import.meta.main) await start({ hot: false })
