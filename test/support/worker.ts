// A worker for the app under test: the service's tasks, or others.
import { join } from 'node:path'
import { loadSchema } from '../../src/kit/data/tables.ts'
import type { InputSchema } from '../../src/kit/jobs/input.ts'
import type { Task } from '../../src/kit/jobs/task.ts'
import { manifest } from '../../src/manifest.ts'
import { type TaskDeps, tasks as all } from '../../src/tasks.ts'
import { startWorkerOf } from '../kit/support/worker-of.ts'
import type { TestApp } from './harness.ts'

/** The tables of src, as the worker has them. */
export const schema = await loadSchema(join(import.meta.dir, '../../src'))

/** At work when it resolves. Call `stop` before the app is closed. */
export const startTestWorker = (app: TestApp, tasks: readonly Task<InputSchema, TaskDeps>[] = all) =>
  startWorkerOf(app, manifest, tasks, { schema })
