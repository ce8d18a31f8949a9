// Runs a command on what a request has: the services that are named or else embedded ones, and the dependencies on them.

const STDERR = 2
/** Whoever calls a command wrongly is told before the app is loaded. */
async function load() {
  const { loadConfig } = await import('../src/config.ts')
  const { createDeps } = await import('../src/kit/create-deps.ts')
  const { refuseMissingDatabase } = await import('../src/kit/data/redis.ts')
  const { manifest } = await import('../src/manifest.ts')
  const { migrate } = await import('./migrate.ts')
  const { provideServices } = await import('./services.ts')
  const create = (config: ReturnType<typeof loadConfig>, logFd?: number) =>
    createDeps(config, manifest, logFd)
  return { create, loadConfig, migrate, provideServices, refuseMissingDatabase }
}
export type Runtime = ReturnType<Awaited<ReturnType<typeof load>>['create']>

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
  const { create, loadConfig, migrate, provideServices, refuseMissingDatabase } = await load()
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
