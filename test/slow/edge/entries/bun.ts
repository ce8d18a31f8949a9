// The app on Bun, with the routes of the tests: what stands behind a proxy.
import { createDeps } from '../../../../src/kit/create-deps.ts'
import { boot } from '../../../../src/kit/process/lifecycle.ts'
import { serve } from '../../../../src/kit/process/serve.ts'
import { withProduct } from './products.ts'

await withProduct(process.env.TEST_PRODUCT, ({ settings, manifest, createApp }) =>
  boot(async () => {
    const config = settings.load()
    const { deps, log, close } = createDeps(config, manifest)
    const server = serve(createApp(deps), config)
    process.stdout.write(`${JSON.stringify({ event: 'listen', port: server.url.port })}\n`)
    const stop = async () => {
      await server.drain(config.requestTimeoutMs)
      await close()
    }
    return { log, stop, retire: stop }
  }),
)
