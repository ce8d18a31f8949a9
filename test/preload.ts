// For a bare `bun test`: starts the services that `npm test` would have started.
import { afterAll } from 'bun:test'
import { prepareTestRun } from '../scripts/services/test-run.ts'

if (!process.env.TEST_RUN) {
  const { run, close } = await prepareTestRun(process.env)
  Object.assign(process.env, run)
  afterAll(close)
}
