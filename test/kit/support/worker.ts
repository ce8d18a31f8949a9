// A worker for the small product under test, in this process: its tasks, or others, and the relay of the outbox.
import { createDeps } from '../../../src/kit/create-deps.ts'
import type { InputSchema, Task } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'
import { startRelay } from '../../../src/kit/jobs/outbox/relay.ts'
import { manifest } from '../product/app.ts'
import type { Deps } from '../product/product.ts'
import { tasks as all } from '../product/tasks.ts'
import type { TestApp } from './harness.ts'

/** At work when it resolves. Call `stop` before the app is closed. */
export async function startTestWorker(app: TestApp, tasks: readonly Task<InputSchema, Deps>[] = all) {
  const { deps, log, redis, queue, close } = createDeps(app.config, manifest)
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
