// A worker for an app under test, in this process: tasks, and the relay of the outbox.
import type { Manifest } from '../../../src/kit/assemble.ts'
import type { KitConfig } from '../../../src/kit/config/kit-config.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import type { KitDeps } from '../../../src/kit/deps.ts'
import { startRelay } from '../../../src/kit/jobs/outbox/relay.ts'
import type { InputSchema } from '../../../src/kit/jobs/input.ts'
import type { Task } from '../../../src/kit/jobs/task.ts'
import { startWorker } from '../../../src/kit/jobs/worker.ts'

/**
 * At work when it resolves. Call `stop` before the app is closed.
 * @param more what the tasks find beside the dependencies
 */
export async function startWorkerOf<
  C extends KitConfig,
  R extends string,
  O extends object,
  M extends object,
>(
  { config }: { config: C },
  manifest: Manifest<R, C, O>,
  tasks: readonly Task<InputSchema, KitDeps<C, R> & O & M>[],
  more: M,
) {
  const { deps, log, redis, queue, close } = createDeps(config, manifest)
  const id = `w-${crypto.randomUUID()}`
  const worker = startWorker({
    redis,
    prefix: config.redisPrefix,
    id,
    tasks,
    deps: { ...deps, ...more },
    log,
    blockMs: null,
    tickMs: 50,
  })
  await worker.ready
  const relay = startRelay({ db: deps.db, send: queue.send, log, pollMs: 50 })
  return {
    async stop() {
      await Promise.all([worker.stop(), relay.stop()])
      await close()
    },
  }
}
