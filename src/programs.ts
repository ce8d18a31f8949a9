// Declares every long-running program of yours: its name, how many processes run it, and its module.
import type { Config } from './config.ts'
import type { Program } from './kit/process/program.ts'
import type { TaskDeps } from './tasks.ts'

/** One entry each: `{ name: 'gateway', processes: 1, module: () => import('./gateway/program.ts') }`. */
export const programs: readonly Program<Config, TaskDeps>[] = []
