// Starts one process of the service with a scoreboard, and an API process also with a file for its counts.
import type { KitConfig } from '../config/kit-config.ts'
import type { Log } from '../types/log.ts'
import type { BoardFolder } from './board-folder.ts'
import { Child, type Launch } from './child.ts'
import { bunIn } from './environment.ts'
import type { RequestTotals } from './request-totals.ts'

export type ProcessKind = 'server' | 'worker'

/** What is started, and in which place. */
export interface SpawnRequest extends Pick<Launch, 'name' | 'replacing' | 'config'> {
  kind: ProcessKind
  /** For the queue, see `Slot`. */
  id: string
}

/** @throws if it cannot even be started */
export type Spawn = (request: SpawnRequest) => Child

export interface SpawnOptions {
  /** The file that starts a process of a kind. */
  entries: Record<ProcessKind, string>
  /** The folder to start in. */
  folder: string
  boards: BoardFolder
  /** Absent: nobody asks for metrics. */
  totals: RequestTotals | undefined
  log: Log
}

export const createSpawn =
  ({ entries, folder, boards, totals, log }: SpawnOptions): Spawn =>
  ({ kind, name, id, replacing, config }) => {
    const boardFile = boards.nextFile()
    const countsFile = kind === 'server' && totals ? `${boardFile}.metrics` : undefined
    const options = ['--board', boardFile, '--id', id]
    if (replacing) options.push('--replacing')
    if (countsFile !== undefined) options.push('--metrics', countsFile)
    const command = [bunIn(folder), '--no-orphans', entries[kind], ...options]
    const harakiriMs = kind === 'server' ? config.processes.harakiriMs : harakiriOfWorker(config)
    const child = new Child({ name, command, cwd: folder, boardFile, replacing, harakiriMs, config }, log)
    if (countsFile !== undefined) {
      totals?.add(countsFile)
      void child.gone.then(() => totals?.settle(countsFile))
    }
    return child
  }

/** A worker ends by itself after JOB_BLOCK_MS, and names the job: the supervisor only comes after that. */
function harakiriOfWorker({ processes, jobs }: KitConfig): number {
  return Math.max(processes.harakiriMs, 2 * jobs.blockMs)
}
