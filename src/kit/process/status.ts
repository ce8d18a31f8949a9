// Keeps the status file in DATA_DIR, which the supervisor writes for `npm run status` and for scripts.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../types/log.ts'
import { attempt } from '../types/attempt.ts'
import type { State } from './child.ts'

export interface ProcessStatus {
  /** `server 1`, `worker 1`. Two of one name: one of them takes the place of the other. */
  name: string
  pid: number
  state: State
  /** Unix milliseconds. */
  startedAt: number
  /** Processes in its place that died unasked, since the supervisor was started. */
  restarts: number
  /** Why the last change in its place was made. */
  lastReason: string
  /** The file of its scoreboard. */
  board: string
}

/** How a rolling reload went; `number` counts them. */
export interface ReloadStatus {
  number: number
  result: 'running' | 'succeeded' | 'failed'
  /** Unix milliseconds. */
  startedAt: number
  ms?: number
  reason?: string
}

export interface Status {
  pid: number
  version: string
  mode: string
  port: number
  startedAt: number
  /** The last rolling reload; absent: there was none. */
  reload?: ReloadStatus
  /** The folder of the scoreboards. */
  boards: string
  processes: ProcessStatus[]
}

export type StatusWriter = ReturnType<typeof keepStatus>

const WATCH_MS = 1000

const statusFile = (dataDir: string) => join(dataDir, 'supervisor.json')

/** Undefined if no supervisor runs on that directory. */
export function readStatus(dataDir: string): Status | undefined {
  const status = readLastStatus(dataDir)
  return status && isSupervisor(status.pid) ? status : undefined
}

/** What was written last, by a supervisor that may be gone. A power cut can leave half of it, or nothing. */
export const readLastStatus = (dataDir: string): Status | undefined =>
  attempt(() => JSON.parse(readFileSync(statusFile(dataDir), 'utf8')) as Status)

/** After a crash the pid may be that of another program by now, which the SIGHUP of a reload would end. */
function isSupervisor(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync('/proc/self') || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('supervisor.ts')
  } catch {
    return false
  }
}

/**
 * Replaces the file as a whole, so that nobody reads half of it. Its folder is for its owner only.
 * Of two supervisors on one directory the file is that of the one that was started last.
 */
export function writeStatus(dataDir: string, status: Status): void {
  const there = readStatus(dataDir)
  if (there && there.pid !== status.pid && there.startedAt > status.startedAt) return
  const file = statusFile(dataDir)
  // Made anew: what lies there may be a link of somebody else's, and lead anywhere.
  rmSync(`${file}.new`, { force: true })
  writeFileSync(`${file}.new`, `${JSON.stringify(status)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(`${file}.new`, file)
}

/**
 * Writes the status at each call. Where that fails, for a full disk perhaps, it says so once and tries again every
 * second: that is no reason to stop serving, and what is read meanwhile is the last that could be written.
 * Every second it also writes where there is none of a supervisor that lives: another on the directory has ended.
 */
export function keepStatus(dataDir: string, describe: () => Status, log: Log) {
  let isFailing = false
  const write = (): void => {
    try {
      writeStatus(dataDir, describe())
    } catch (error) {
      if (!isFailing) log.error('the status cannot be written; trying again', { error })
      isFailing = true
      return
    }
    if (isFailing) log.info('the status is written again')
    isFailing = false
  }
  const watch = setInterval(() => {
    if (isFailing || readStatus(dataDir) === undefined) write()
  }, WATCH_MS)
  return {
    write,
    /** Writes no more, and removes what this supervisor has written: nothing of another one on the same directory. */
    stop(): void {
      clearInterval(watch)
      if (readLastStatus(dataDir)?.pid === process.pid) rmSync(statusFile(dataDir), { force: true })
    },
  }
}
