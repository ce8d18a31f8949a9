// Starts one worker of the product.
import { runWorker } from '../../../src/kit/process/run-worker.ts'
import { manifest } from './app.ts'
import { settings } from './product.ts'
import { tasks } from './tasks.ts'

await runWorker({ settings, manifest, tasks, onDead: () => {}, tablesIn: import.meta.dir })
