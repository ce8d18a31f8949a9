// Starts one API process: the app, listening.
import { createApp } from './app.ts'
import { loadConfig } from './config.ts'
import { runServer } from './process/run-server.ts'

await runServer({ loadConfig, createApp })
