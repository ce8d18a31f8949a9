// Starts one worker: it runs background tasks from the queue, and the timers of the crons.
import { loadConfig } from './config.ts'
import { crons } from './crons.ts'
import { runWorker } from './process/run-worker.ts'
import { onDead, tasks } from './tasks.ts'

await runWorker({ loadConfig, tasks, crons, onDead })
