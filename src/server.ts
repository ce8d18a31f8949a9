// One API process: settings, dependencies, app, listener.
import { createApp } from './app.ts'
import { loadConfig, printableConfig } from './config.ts'
import { createDeps } from './infra/deps.ts'
import { boot } from './process/lifecycle.ts'
import { serve } from './process/serve.ts'

await boot(async ({ isFirst }) => {
  const config = loadConfig()
  const { deps, log, close } = createDeps(config)
  if (isFirst) log.info('settings', printableConfig(config))
  const server = serve(createApp(deps), config)
  log.info(`listening on ${server.url.href}`, { pid: process.pid })

  return {
    log,
    async stop() {
      await server.drain(config.requestTimeoutMs)
      await close()
    },
    async retire() {
      await server.retire(config.requestTimeoutMs)
      await close()
    },
  }
})
