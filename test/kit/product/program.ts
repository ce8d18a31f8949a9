// Starts one process of a program of the product.
import { runProgram } from '../../../src/kit/process/run-program.ts'
import { settings } from './product.ts'
import { programs } from './programs.ts'

await runProgram({ settings, programs, manifest: () => import('./app.ts'), tablesIn: import.meta.dir })
