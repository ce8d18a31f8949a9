// A relay that is killed at the worst moment: Redis has the job, and the row is not deleted yet.
import { loadConfig } from '../product/product.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { manifest } from '../product/app.ts'
import { startRelay } from '../../../src/kit/jobs/outbox/relay.ts'

const { deps, queue, log } = createDeps(loadConfig(), manifest)
startRelay({
  db: deps.db,
  log,
  async send(job) {
    await queue.send(job)
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  },
})
