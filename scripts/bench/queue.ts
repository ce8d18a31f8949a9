// `npm run bench:queue`: installs what is compared with, and runs the queue benchmark.
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { takeArguments } from '../command.ts'
import { installPeers } from './peers.ts'

const USAGE = 'Usage: npm run bench:queue [-- --rounds <n>] [--before <older checkout>]'
const flags = { rounds: { type: 'string', default: '5' }, before: { type: 'string', default: '' } } as const
const { rounds, before } = takeArguments(USAGE, flags).values

installPeers('groupmq')
// A process of its own: this one remembers that the packages were not there.
const run = ['--no-orphans', join(import.meta.dir, 'queue/run.ts'), rounds]
const { status } = spawnSync(process.execPath, run, {
  stdio: 'inherit',
  env: { ...process.env, ...(before && { BENCH_BEFORE: resolve(before) }) },
})
process.exit(status ?? 1)
