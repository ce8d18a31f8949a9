// Lets a process read the status of the supervisor of its machine, and ask it for a reload.
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { SupervisedProcess, Supervisor } from '../types/supervisor.ts'
import { Scoreboard } from './scoreboard.ts'
import { readStatus, type ProcessStatus } from './status.ts'

/** The one that keeps its status in that folder, which is for its owner only: nothing is asked of any other process. */
export function linkSupervisor(dataDir: string): Supervisor {
  const read = () => readStatus(resolve(dataDir))
  return {
    status() {
      const status = read()
      return status && { ...status, host: hostname(), processes: status.processes.map(withStats) }
    },
    reload() {
      const status = read()
      if (status) process.kill(status.pid, 'SIGHUP')
      return status !== undefined
    },
  }
}

/** A process, with what stands on its scoreboard. */
export function withStats({ board: file, ...about }: ProcessStatus): SupervisedProcess {
  try {
    const { requests, inFlight, lagMs, rss } = Scoreboard.read(file)
    return { ...about, requests, inFlight, lagMs, rss }
  } catch {
    return { ...about, requests: 0, inFlight: 0, lagMs: 0, rss: 0 } // it has just gone
  }
}
