// Runs an API process: connects, listens, and drains at the end.
import type { Manifest } from '../assemble.ts'
import type { KitConfig } from '../config/kit-config.ts'
import { logSettings, type ProductSettings } from '../config/settings.ts'
import { createDeps } from '../create-deps.ts'
import { refuseMissingDatabase } from '../data/redis.ts'
import type { KitDeps } from '../deps.ts'
import { describeRoutes } from '../http/doc.ts'
import { boot } from './lifecycle.ts'
import { type Fetches, serve } from './serve.ts'
import { joinSupervisor } from './supervised.ts'
import { linkSupervisor } from './supervisor-link.ts'

export interface ServerOptions<C extends KitConfig, R extends string, O extends object> {
  settings: ProductSettings<C>
  manifest: Manifest<R, C, O>
  createApp(deps: KitDeps<C, R> & O): Fetches & Parameters<typeof describeRoutes>[0]
}

/** Long enough for every busy connection to ask once more. */
const LINGER_MS = 500

export const runServer = <C extends KitConfig, R extends string, O extends object>({
  settings,
  manifest,
  createApp,
}: ServerOptions<C, R, O>): Promise<void> =>
  boot(async ({ isFirst }) => {
    const config = settings.load()
    const { deps, log, redis, watched, close } = createDeps(config, manifest)
    await refuseMissingDatabase(redis)
    const { isSupervised, observe, waitIfReplacing, reportUp, reportDraining, writeCounts } =
      joinSupervisor(watched)
    if (isFirst && !isSupervised) logSettings(settings, config, log)
    await waitIfReplacing(deps.ready)
    const lingerMs = isSupervised ? LINGER_MS : 0
    const app = createApp({ ...deps, supervisor: linkSupervisor(config.dataDir) })
    describeRoutes(app) // refuses what cannot be as it is declared
    const server = serve(app, config, {
      observe,
      log,
      report: deps.reportUnexpected,
      reusePort: isSupervised,
      lingerMs,
    })
    reportUp(deps.ready)
    log.info(`listening on ${server.url.href}`)

    return {
      log,
      report: (error) => deps.reportUnexpected(error, { in: 'process', role: 'server', what: 'uncaught' }),
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
