// A worker for the app under test that knows the template's table.
import { manifest } from '../../../../src/manifest.ts'
import { tasks } from '../../../../src/tasks.ts'
import { startWorkerOf } from '../../../../test/kit/support/worker-of.ts'
import { schema } from '../../../../test/support/worker.ts'
import type { TestApp } from './harness.ts'
import * as table from '../table.ts'

export const startTestWorker = (app: TestApp) =>
  startWorkerOf(app, manifest, tasks, { schema: { ...schema, ...table } })
