// Runs a command on what a request has: the services that are named or else embedded ones, and the dependencies on them.
import { loadConfig } from '../src/config.ts'
import { createDeps } from '../src/kit/create-deps.ts'
import { refuseMissingDatabase } from '../src/kit/data/redis.ts'
import { manifest } from '../src/manifest.ts'
import { migrate } from './migrate.ts'
import { provideServices } from './services.ts'

const STDERR = 2
const create = (config: ReturnType<typeof loadConfig>, logFd?: number) => createDeps(config, manifest, logFd)
export type Runtime = ReturnType<typeof create>

/**
 * Closes all that it opened, whatever the work does.
 * @param options.logLevel of the app's own log: what a command has to say stands on the terminal
 * @param options.json whether stdout is for what the command prints alone: the log goes to stderr
 * @param options.migrates whether migrations are applied first, in development
 */
export async function withDeps(
  { logLevel, json = false, migrates = true }: { logLevel: string; json?: boolean; migrates?: boolean },
  work: (runtime: Runtime) => Promise<void>,
): Promise<void> {
  const { env, close: closeServices } = await provideServices(process.env)
  try {
    const config = loadConfig({ ...env, LOG_LEVEL: logLevel })
    if (migrates && !config.production)
      await migrate(config.migrateDatabaseUrl, { appUrl: config.databaseUrl })
    const runtime = create(config, json ? STDERR : undefined)
    try {
      await refuseMissingDatabase(runtime.redis)
      await work(runtime)
    } finally {
      await runtime.close()
    }
  } finally {
    await closeServices()
  }
}
