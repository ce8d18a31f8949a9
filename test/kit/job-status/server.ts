// Starts one API process of the kit's product, with the status of jobs.
import { runServer } from '../../../src/kit/process/run-server.ts'
import { createApp, manifest } from '../product/app.ts'
import { settings, type Deps } from '../product/product.ts'
import { mount } from './mounted.ts'

await runServer({
  settings,
  manifest,
  createApp(deps: Deps) {
    const app = createApp(deps)
    mount(app, deps.config)
    return app
  },
})
