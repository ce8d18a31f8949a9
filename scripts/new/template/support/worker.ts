// A worker for the app under test that knows the template's tables.
import { type TestApp, tables } from './harness.ts'
import { startWorkerWith } from './mount.ts'

export const startTestWorker = (app: TestApp) => startWorkerWith(tables, app)
