// Starts one API process of the product.
import { runServer } from '../../../src/kit/process/run-server.ts'
import { createApp, manifest } from './app.ts'
import { settings } from './product.ts'

await runServer({ settings, manifest, createApp })
