// Starts the product's supervisor.
import { runSupervisor } from '../../../src/kit/process/run-supervisor.ts'
import { settings } from './product.ts'
import { programs } from './programs.ts'

const here = 'test/kit/product'
await runSupervisor({
  settings,
  programs,
  entries: { server: `${here}/server.ts`, worker: `${here}/worker.ts`, program: `${here}/program.ts` },
})
