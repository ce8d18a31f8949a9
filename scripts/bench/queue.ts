// `npm run bench:queue [-- --rounds <n>]`: installs what is compared with, and runs the queue benchmark.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { installPeers } from './peers.ts'

installPeers('bullmq')
// A process of its own: this one remembers that the packages were not there.
const run = ['--no-orphans', join(import.meta.dir, 'queue/run.ts'), ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, run, { stdio: 'inherit' })
process.exit(status ?? 1)
