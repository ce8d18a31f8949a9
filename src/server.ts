// One API process: settings, dependencies, app, listener.
import { createApp } from './app.ts'
import { printableConfig } from './config-printable.ts'
import { loadConfig, settings } from './config.ts'
import { createDeps } from './infra/deps.ts'
import { refuseMissingDatabase } from './infra/redis.ts'
import { manifest } from './manifest.ts'
import { boot } from './process/lifecycle.ts'
import { serve } from './process/serve.ts'
import { joinSupervisor } from './process/supervised.ts'

/** Long enough for every busy connection to ask once more. */
const LINGER_MS = 500

await boot(async ({ isFirst }) => {
  const config = loadConfig()
  const { deps, log, redis, close } = createDeps(config, manifest)
  await refuseMissingDatabase(redis)
  const { isSupervised, observe, beforeServing, serves, drains, ends } = joinSupervisor()
  if (isFirst && !isSupervised) log.info('settings', printableConfig(config, settings.printable))
  await beforeServing(deps.ready)
  const lingerMs = isSupervised ? LINGER_MS : 0
  const server = serve(createApp(deps), config, { observe, log, reusePort: isSupervised, lingerMs })
  serves(deps.ready)
  log.info(`listening on ${server.url.href}`)

  return {
    log,
    async stop() {
      drains()
      await server.drain(Math.min(config.requestTimeoutMs, config.processes.drainMs))
      ends()
      await close()
    },
    async retire() {
      await server.retire(config.requestTimeoutMs)
      await close()
    },
  }
})
