// Its programs. Tests ask for them by settings: by default none runs.
import type { Redis } from 'ioredis'
import type { Program } from '../../../src/kit/process/program.ts'
import type { Config, Deps } from './product.ts'

export type ProgramDeps = Deps & { redis: Redis }

export const programs: readonly Program<Config, ProgramDeps>[] = [
  {
    name: 'echo',
    processes: (config) => config.echoProcesses,
    module: () => import('./echo.ts'),
  },
  {
    name: 'scribe',
    processes: (config) => config.scribeProcesses,
    overlap: false,
    module: () => import('./scribe.ts'),
  },
]
