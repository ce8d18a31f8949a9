// Starts one API process, which serves the app.
import { createApp } from './app.ts'
import { settings } from './config.ts'
import { runServer } from './kit/process/run-server.ts'
import { manifest } from './manifest.ts'

await runServer({ settings, manifest, createApp })
