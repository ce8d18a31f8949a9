// Starts one worker, which runs background tasks from the queue and the timers of the crons.
import { settings } from './config.ts'
import { runWorker } from './kit/process/run-worker.ts'
import { manifest } from './manifest.ts'
import { onDead, tasks } from './tasks.ts'

await runWorker({ settings, manifest, tasks, onDead, tablesIn: import.meta.dir })
