// Starts one API process of the service, with a channel for everybody at /api/crowd.
import { requireRole, type Deps, type Product } from '../../../src/account/product.ts'
import { createApp } from '../../../src/app.ts'
import { settings } from '../../../src/config.ts'
import { channelRoutes } from '../../../src/kit/channels/routes.ts'
import { runServer } from '../../../src/kit/process/run-server.ts'
import { manifest } from '../../../src/manifest.ts'
import { crowdChannel } from './crowd.ts'

await runServer({
  settings,
  manifest,
  createApp(deps: Deps) {
    const app = createApp(deps)
    const channels = [crowdChannel] as const
    const options = { requireRole, role: 'readonly', channels, config: deps.config } as const
    app.route('/api/crowd', channelRoutes<Product, typeof channels>(options))
    return app
  },
})
