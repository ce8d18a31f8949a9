// A worker for the app under test: the service's tasks, or others.
import { join } from 'node:path'
import { loadSchema } from '../../src/kit/data/tables.ts'
import { outbox } from '../../src/kit/jobs/outbox/table.ts'
import type { InputSchema } from '../../src/kit/jobs/input.ts'
import type { Task } from '../../src/kit/jobs/task.ts'
import { manifest } from '../../src/manifest.ts'
import { type TaskDeps, tasks as all } from '../../src/tasks.ts'
import { startWorkerOf } from '../kit/support/worker-of.ts'
import { until } from '../kit/support/until.ts'
import type { TestApp } from './harness.ts'

/** The tables of src, as the worker has them. */
export const schema = await loadSchema(join(import.meta.dir, '../../src'))

/** At work when it resolves. Call `stop` before the app is closed. */
export const startTestWorker = (app: TestApp, tasks: readonly Task<InputSchema, TaskDeps>[] = all) =>
  startWorkerOf(app, manifest, tasks, { schema })

/** Until nothing waits in the outbox or the queues, and nothing runs. */
export const untilIdle = ({ deps }: Pick<TestApp, 'deps'>): Promise<boolean> =>
  until('an empty outbox and queue', async () => {
    if ((await deps.db.$count(outbox)) > 0) return false
    const { waiting, running } = await deps.queueAdmin.stats()
    return waiting + running === 0
  })
