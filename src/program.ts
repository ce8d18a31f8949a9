// Starts one process of a program of programs.ts, which the command line names: `--program gateway`.
import { settings } from './config.ts'
import { runProgram } from './kit/process/run-program.ts'
import { programs } from './programs.ts'

await runProgram({ settings, programs, manifest: () => import('./manifest.ts'), tablesIn: import.meta.dir })
