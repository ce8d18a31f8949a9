// The role of an API process: connects, listens, and drains at the end.
import type { Config } from '../config.ts'
import { printableConfig } from '../config-printable.ts'
import type { Deps } from '../deps.ts'
import { createDeps } from '../infra/deps.ts'
import { refuseMissingDatabase } from '../infra/redis.ts'
import { boot } from './lifecycle.ts'
import { type Fetches, serve } from './serve.ts'
import { joinSupervisor } from './supervised.ts'

export interface ServerOptions {
  loadConfig(): Config
  createApp(deps: Deps): Fetches
}

/** Long enough for every busy connection to ask once more. */
const LINGER_MS = 500

export const runServer = ({ loadConfig, createApp }: ServerOptions): Promise<void> =>
  boot(async ({ isFirst }) => {
    const config = loadConfig()
    const { deps, log, redis, close } = createDeps(config)
    await refuseMissingDatabase(redis)
    const { isSupervised, observe, waitIfReplacing, reportUp, reportDraining, writeCounts } = joinSupervisor()
    if (isFirst && !isSupervised) log.info('settings', printableConfig(config))
    await waitIfReplacing(deps.ready)
    const lingerMs = isSupervised ? LINGER_MS : 0
    const server = serve(createApp(deps), config, { observe, log, reusePort: isSupervised, lingerMs })
    reportUp(deps.ready)
    log.info(`listening on ${server.url.href}`)

    return {
      log,
      async stop() {
        reportDraining()
        await server.drain(Math.min(config.requestTimeoutMs, config.processes.drainMs))
        writeCounts()
        await close()
      },
      async retire() {
        await server.retire(config.requestTimeoutMs)
        await close()
      },
    }
  })
