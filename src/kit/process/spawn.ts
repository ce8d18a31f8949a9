// Starts one process of the service with a scoreboard, and where somebody asks for metrics with a file for its counts.
import type { Log } from '../types/log.ts'
import type { BoardFolder } from './board-folder.ts'
import { Child, type Launch } from './child.ts'
import { bunIn } from './environment.ts'
import type { ProcessKind } from './kinds.ts'
import type { RequestTotals } from './request-totals.ts'

/** What is started, and in which place. */
export interface SpawnRequest extends Pick<Launch, 'name' | 'replacing' | 'config'> {
  kind: ProcessKind
  /** For the queue, see `Slot`. */
  id: string
}

/** @throws if it cannot even be started */
export type Spawn = (request: SpawnRequest) => Child

export interface SpawnOptions {
  /** The folder to start in. */
  folder: string
  boards: BoardFolder
  /** Absent: nobody asks for metrics. */
  totals: RequestTotals | undefined
  log: Log
}

export const createSpawn =
  ({ folder, boards, totals, log }: SpawnOptions): Spawn =>
  ({ kind, name, id, replacing, config }) => {
    const boardFile = boards.nextFile()
    const countsFile = totals && `${boardFile}.metrics`
    const options = ['--board', boardFile, '--id', id]
    const standsBy = replacing && !kind.overlap
    if (replacing) options.push('--replacing')
    if (standsBy) options.push('--stand-by')
    if (countsFile !== undefined) options.push('--metrics', countsFile)
    const command = [bunIn(folder), '--no-orphans', ...kind.command(name), ...options]
    const { harakiriMs } = kind
    const launch = { name, command, cwd: folder, boardFile, replacing, standsBy, harakiriMs, config }
    const child = new Child(launch, log)
    if (countsFile !== undefined) {
      totals?.add(countsFile)
      void child.gone.then(() => totals?.settle(countsFile))
    }
    return child
  }
