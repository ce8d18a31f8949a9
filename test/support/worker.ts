// A worker for the app under test, in this process: the service's tasks, or others, and the relay of the outbox.
import { join } from 'node:path'
import { createDeps } from '../../src/kit/create-deps.ts'
import { loadSchema } from '../../src/kit/data/tables.ts'
import { startRelay } from '../../src/kit/jobs/outbox/relay.ts'
import type { InputSchema, Task } from '../../src/kit/jobs/task.ts'
import { startWorker } from '../../src/kit/jobs/worker.ts'
import { manifest } from '../../src/manifest.ts'
import { type TaskDeps, tasks as all } from '../../src/tasks.ts'
import type { TestApp } from './harness.ts'

/** The tables of src, as the worker has them. */
export const schema = await loadSchema(join(import.meta.dir, '../../src'))

/** At work when it resolves. Call `stop` before the app is closed. */
export async function startTestWorker(app: TestApp, tasks: readonly Task<InputSchema, TaskDeps>[] = all) {
  const { deps: own, log, redis, queue, close } = createDeps(app.config, manifest)
  const deps = { ...own, schema }
  const id = `w-${crypto.randomUUID()}`
  const prefix = app.config.redisPrefix
  const worker = startWorker({ redis, prefix, id, tasks, deps, log, blockMs: null, tickMs: 50 })
  await worker.ready
  const relay = startRelay({ db: deps.db, send: queue.send, log })
  return {
    async stop() {
      await Promise.all([worker.stop(), relay.stop()])
      await close()
    },
  }
}
