// Describes the running service for the status file.
import type { BoardFolder } from './board-folder.ts'
import type { Fleet } from './fleet.ts'
import type { Reloader } from './reloader.ts'
import type { ProcessStatus, Status } from './status.ts'

export interface ServiceParts {
  fleet: Fleet
  reloader: Reloader
  boards: BoardFolder
  /** Of the supervisor, Unix milliseconds. */
  startedAt: number
}

export function describeService({ fleet, reloader, boards, startedAt }: ServiceParts): Status {
  // After a reload that failed it is still the old settings that count.
  const serving = fleet.children().find(({ state }) => state === 'ready')
  const { version, mode, port } = (serving?.launch ?? fleet).config
  return {
    pid: process.pid,
    version,
    mode,
    port,
    startedAt,
    boards: boards.path,
    reload: reloader.last,
    processes: describeProcesses(fleet),
  }
}

const describeProcesses = ({ slots }: Fleet): ProcessStatus[] =>
  slots.flatMap(({ name, restarts, lastReason, alive }) =>
    Array.from(alive, ({ pid, state, startedAt, launch }) => {
      return { name, pid, state, startedAt, restarts, lastReason, board: launch.boardFile }
    }),
  )
