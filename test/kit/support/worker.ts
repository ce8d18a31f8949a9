// A worker for the small product under test: its tasks, or others.
import type { InputSchema } from '../../../src/kit/jobs/input.ts'
import type { Task } from '../../../src/kit/jobs/task.ts'
import type { Deps } from '../product/product.ts'
import { tasks as all } from '../product/tasks.ts'
import { manifest, type TestApp } from './harness.ts'
import { startWorkerOf } from './worker-of.ts'

/** At work when it resolves. Call `stop` before the app is closed. */
export const startTestWorker = (app: TestApp, tasks: readonly Task<InputSchema, Deps>[] = all) =>
  startWorkerOf(app, manifest, tasks, {})
