// Starts one API process: the app, listening.
import { createApp } from './app.ts'
import { settings } from './config.ts'
import { manifest } from './manifest.ts'
import { runServer } from './process/run-server.ts'

await runServer({ settings, manifest, createApp })
