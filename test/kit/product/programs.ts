// Its programs. Tests ask for them by settings: by default none runs.
import type { Program } from '../../../src/kit/process/program.ts'
import type { Config, Deps } from './product.ts'

export const programs: readonly Program<Config, Deps>[] = [
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
