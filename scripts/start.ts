// `npm start` and `npm run dev`: services where they are missing, migrations, the API, and an orderly end of all.
import { resolve as resolvePath } from 'node:path'
import { loadConfig, settings } from '../src/config.ts'
import type { Config } from '../src/config.ts'
import { adviceOnSettings } from '../src/kit/process/advice.ts'
import { bunIn, folderAsGiven, readEnvironment } from '../src/kit/process/environment.ts'
import { refuseTakenPort } from '../src/kit/process/port.ts'
import { countPrograms } from '../src/kit/process/program.ts'
import { readStatus } from '../src/kit/process/status.ts'
import { programs } from '../src/programs.ts'
import { takeArguments } from './command.ts'
import { screenOf } from './dev/screen.ts'
import { localUrl } from './local-url.ts'
import { migrate } from './migrate.ts'
import { watchMigrations } from './migrate/watch.ts'
import { provideServices } from './services.ts'
import { freePort } from './services/child.ts'

const ROOT = folderAsGiven(process.env.PWD)
const STOP_GRACE_MS = 5000
const HEALTH_POLL_MS = 50
const SAME_SIGNAL_MS = 1000

type Environment = Record<string, string | undefined>
type Child = ReturnType<typeof startEntry>

/** @param options.hot the API takes edits while it runs (`bun --hot`) */
export async function start({ hot }: { hot: boolean }): Promise<never> {
  try {
    process.exit(await runUntilEnd(settings.readFiles(readEnvironment(ROOT)), hot))
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}

/** @param env with what stands in .env, and in files of settings */
async function runUntilEnd(env: Environment, hot: boolean): Promise<number> {
  const plan = checkSettings(env)
  // Any free port: this process must know which, to say it.
  const port = plan.port === 0 ? { PORT: String(await freePort()) } : {}
  if (plan.production && process.getuid?.() === 0) {
    console.warn('Warning: this runs as root. Use an account without privileges in production')
  }
  // Where a supervisor runs, it says this.
  if (hot) for (const advice of adviceOnSettings(plan, ROOT, env)) console.warn(`Warning: ${advice}`)
  refuseTakenPort(plan, readStatus(resolvePath(ROOT, plan.dataDir)))

  const stopAsked = listenForStop(hot)
  const services = await provideServices({ ...env, ...port })
  for (const line of services.about) console.log(line)
  let code = 0
  try {
    const config = loadConfig(services.env)
    await migrate(config.migrateDatabaseUrl, { log: console.log, appUrl: config.databaseUrl })
    // Nothing that stands in .env: who inherits a value does not read it there again.
    const childEnv = { ...process.env, ...port, ...services.provided }
    const children = entriesOf(config, hot).map((entry) => startEntry(entry, childEnv, hot))
    void announce(config, children, hot)
    if (hot) watchMigrations(config.migrateDatabaseUrl, console.warn)
    passOn = (signal) => children.forEach((child) => child.process.kill(signal))

    const died = Promise.race(children.map(tellDeath))
    const lost = services.ended.then((reason) => ({ reason, code: 1 }))
    const failure = await Promise.race([stopAsked, died, lost])
    if (failure) {
      console.error(failure.reason)
      code = failure.code
    }
    await stopAll(children, config.processes.drainMs + STOP_GRACE_MS)
  } finally {
    await services.close()
  }
  return code
}

/** The supervisor, or in its place one of each kind, which takes edits while it runs: with what each is told. */
function entriesOf(config: Config, hot: boolean): string[][] {
  const counted = countPrograms(programs, config).filter(({ processes }) => processes > 0)
  if (!hot) return [['src/supervisor.ts']]
  return [
    ['src/server.ts'],
    ['src/worker.ts'],
    ...counted.map(({ name }) => ['src/program.ts', '--program', name]),
  ]
}

/** Signals for those who serve; before they run there is nothing to open again and nothing to reload. */
let passOn: (signal: 'SIGUSR2' | 'SIGHUP') => void = () => {}
process.on('SIGUSR2', () => passOn('SIGUSR2'))

/** All faults at once, before anything starts; the services that are to be filled in stand as they will be. */
function checkSettings(env: Environment): Config {
  if (env.NODE_ENV === 'production') return loadConfig(env)
  return loadConfig({
    ...env,
    DATABASE_URL: env.DATABASE_URL || 'postgres://127.0.0.1/embedded',
    REDIS_URL: env.REDIS_URL || 'redis://127.0.0.1',
  })
}

/**
 * Resolves at the first SIGINT or SIGTERM, and at the SIGHUP of a terminal that goes away; without a terminal SIGHUP
 * asks for a reload. One that comes a while later ends at once, and all below with it;
 * sooner it is the same Ctrl-C again: the terminal, npm and run.mjs each send it here.
 */
function listenForStop(hot: boolean): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (signal === 'SIGHUP' && !hot && !process.stdin.isTTY) return passOn(signal)
        askedAt ??= performance.now()
        if (performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(1)
        resolve()
      })
    }
  })
}

function startEntry(entry: string[], env: Environment, hot: boolean) {
  const flags = ['--no-orphans', ...(hot ? ['--hot', '--no-clear-screen'] : ['--no-env-file'])]
  const child = Bun.spawn([bunIn(ROOT), ...flags, ...entry], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true, // out of the terminal's group: this process decides when a Ctrl-C ends it
  })
  return { entry: entry.join(' '), process: child, exit: child.exited }
}

/** What is to be said and returned when a child ends that nobody asked to: never 0. */
async function tellDeath({ entry, process: child, exit }: Child): Promise<{ reason: string; code: number }> {
  const code = await exit
  return { reason: `${entry} ended by itself (${child.signalCode ?? `exit code ${code}`})`, code: code || 1 }
}

/** Says the address as soon as it answers, and in development what runs where. */
async function announce(config: Config, children: Child[], hot: boolean): Promise<void> {
  const url = localUrl(config)
  while (children.every((child) => child.process.exitCode === null)) {
    // The certificate is for the name that clients use, which is another one.
    const answers = await fetch(`${url}/health`, { tls: { rejectUnauthorized: false } }).then(
      (reply) => reply.ok,
      () => false,
    )
    if (!answers) {
      await Bun.sleep(HEALTH_POLL_MS)
      continue
    }
    const more = hot ? `\n${screenOf(config, url, children)}\n` : ''
    return console.log(`\n  ${url}  (${config.mode}; Ctrl-C ends it)\n${more}`)
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

if (import.meta.main) {
  takeArguments('Usage: npm start   settings come from the environment or .env: PORT=8101 npm start', {})
  await start({ hot: false })
}
