// The app on Bun, with the routes of the tests: what stands behind a proxy.
import { createApp } from '../../../../src/app.ts'
import { loadConfig } from '../../../../src/config.ts'
import { createDeps } from '../../../../src/kit/create-deps.ts'
import { boot } from '../../../../src/kit/process/lifecycle.ts'
import { serve } from '../../../../src/kit/process/serve.ts'
import { manifest } from '../../../../src/manifest.ts'
import { boot } from '../../../../src/kit/process/lifecycle.ts'
import { serve } from '../../../../src/kit/process/serve.ts'
import { PROBE, probe } from '../../../kit/support/probe.ts'

await boot(async () => {
  const config = loadConfig()
  const { deps, log, close } = createDeps(config, manifest)
  const app = createApp(deps)
  app.route(PROBE, probe)
  const server = serve(app, config)
  process.stdout.write(`${JSON.stringify({ event: 'listen', port: server.url.port })}\n`)
  const stop = async () => {
    await server.drain(config.requestTimeoutMs)
    await close()
  }
  return { log, stop, retire: stop }
})
