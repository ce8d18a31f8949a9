// Starts one API process of the kit's product, with channels.
import { openAll, type Opening } from '../../../src/kit/assemble.ts'
import { defineSettings } from '../../../src/kit/config/settings.ts'
import { runServer } from '../../../src/kit/process/run-server.ts'
import { createApp, manifest } from '../product/app.ts'
import { ownSettings, PROJECT, type Config, type Deps } from '../product/product.ts'
import { mount, open, settings } from './mounted.ts'

await runServer({
  settings: defineSettings(PROJECT, { ...ownSettings, ...settings }),
  manifest: { ...manifest, openOwn: (...opening: Opening<Config>) => ({ own: openAll(opening, [open]) }) },
  createApp(deps: Deps) {
    const app = createApp(deps)
    mount(app, deps.config)
    return app
  },
})
