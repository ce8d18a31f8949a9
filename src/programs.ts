// Declares every long-running program of yours: its name, how many processes run it, and its module.
import type { Redis } from 'ioredis'
import type { Config } from './config.ts'
import type { Program } from './kit/process/program.ts'
import type { TaskDeps } from './tasks.ts'

/** What their `run` takes: the dependencies of tasks, and Redis itself. */
export type ProgramDeps = TaskDeps & { redis: Redis }

/** One line each: `{ name: 'gateway', processes: 1, module: () => import('./gateway/program.ts') }`. */
export const programs: readonly Program<Config, ProgramDeps>[] = []
