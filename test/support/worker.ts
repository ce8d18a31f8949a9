// A worker for the app under test: the service's tasks, or others.
import { join } from 'node:path'
import { loadSchema } from '../../src/kit/data/tables.ts'
import { outbox } from '../../src/kit/jobs/outbox/table.ts'
import type { InputSchema } from '../../src/kit/jobs/input.ts'
import type { QueueStats } from '../../src/kit/jobs/stats.ts'
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

/**
 * Until nothing waits in the outbox or the queues, and nothing runs; with `later` no job is delayed either.
 * A job may come from the outbox between two looks, or its last act put one there: so both looks at the queues agree.
 */
export const untilIdle = ({ deps }: Pick<TestApp, 'deps'>, { later = false } = {}): Promise<boolean> =>
  until('an empty outbox and queue', async () => {
    const before = await deps.queueAdmin.stats()
    if ((await deps.db.$count(outbox)) > 0) return false
    const after = await deps.queueAdmin.stats()
    const hasNone = (stats: typeof after) => stats.waiting + stats.running + (later ? stats.later : 0) === 0
    return hasNone(before) && hasNone(after) && endedOf(before) === endedOf(after)
  })

const endedOf = ({ minutes }: QueueStats) => minutes.reduce((sum, { done, failed }) => sum + done + failed, 0)
