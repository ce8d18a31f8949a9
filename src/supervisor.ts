// Starts the supervisor, which keeps API processes, workers and programs alive. It loads none of the app's code, so no fault
// there can harm it.
import { settings } from './config.ts'
import { runSupervisor } from './kit/process/run-supervisor.ts'
import { programs } from './programs.ts'
import { onUnexpected } from './unexpected.ts'

const entries = { server: 'src/server.ts', worker: 'src/worker.ts', program: 'src/program.ts' }
await runSupervisor({ settings, programs, entries, onUnexpected })
