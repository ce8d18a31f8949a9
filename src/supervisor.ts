// Starts the supervisor, which keeps API processes and workers alive. It loads none of the app's code, so no fault there
// can harm it.
import { settings } from './config.ts'
import { runSupervisor } from './kit/process/run-supervisor.ts'

await runSupervisor({ settings, entries: { server: 'src/server.ts', worker: 'src/worker.ts' } })
