// Lists what the supervisor keeps alive: servers, workers and the product's programs, each as one kind of process.
import type { KitConfig } from '../config/kit-config.ts'
import { sharesPorts } from './host.ts'
import type { ProgramCount } from './program.ts'

export interface ProcessKind {
  /** Begins the names of its processes: `server 1`. */
  name: string
  /** How many run. */
  processes: number
  /** The file that starts one, and what only this kind is told. @param name of the process */
  command(this: void, name: string): string[]
  /** How long its event loop may stand still. */
  harakiriMs: number
  /** A new process is ready before the old one ends; if not, the old one is gone before the new one begins. */
  overlap: boolean
  /** The service does not start without it. */
  isVital: boolean
}

/** The files that start a process. */
export type Entries = Record<'server' | 'worker' | 'program', string>

/** What runs from a start or a reload on. */
export interface Plan {
  config: KitConfig
  kinds: ProcessKind[]
}

export function planOf(config: KitConfig, entries: Entries, programs: readonly ProgramCount[]): Plan {
  const { web, workers, harakiriMs } = config.processes
  const core = { harakiriMs, overlap: true, isVital: true }
  const server: ProcessKind = {
    ...core,
    name: 'server',
    processes: sharesPorts ? web : Math.min(1, web),
    command: () => [entries.server],
  }
  const worker: ProcessKind = {
    ...core,
    name: 'worker',
    processes: workers,
    command: () => [entries.worker],
    // It ends by itself after JOB_BLOCK_MS, and names the job: the supervisor only comes after that.
    harakiriMs: Math.max(harakiriMs, 2 * config.jobs.blockMs),
  }
  const ofProgram = (program: ProgramCount): ProcessKind => {
    return { ...core, ...program, isVital: false, command: (name) => [entries.program, '--program', name] }
  }
  return { config, kinds: [server, worker, ...programs.map(ofProgram)] }
}

export const countProcesses = ({ kinds }: Plan): number =>
  kinds.reduce((n, { processes }) => n + processes, 0)
