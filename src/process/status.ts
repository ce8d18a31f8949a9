// What the supervisor writes down for `npm run status` and for scripts: a file in DATA_DIR, and the scoreboards it names.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigError } from '../types/config-error.ts'
import type { Log } from '../types/log.ts'
import type { State } from './child.ts'
import type { Fleet, Reload } from './fleet.ts'

export interface ProcessStatus {
  /** `server 1`, `worker 1`. Two of one name: one of them takes the place of the other. */
  name: string
  pid: number
  state: State
  /** Unix milliseconds. */
  startedAt: number
  /** Of its place, since the supervisor was started: processes that died unasked. */
  restarts: number
  /** Why the last change in its place was made. */
  lastReason: string
  /** The file of its scoreboard. */
  board: string
}

export interface Status {
  pid: number
  version: string
  mode: string
  port: number
  startedAt: number
  /** The last rolling reload; absent: there was none. */
  reload?: Reload
  /** The folder of the scoreboards. */
  boards: string
  processes: ProcessStatus[]
}

const WATCH_MS = 1000

const statusFile = (dataDir: string) => join(dataDir, 'supervisor.json')

/** Undefined if no supervisor runs on that directory. */
export function readStatus(dataDir: string): Status | undefined {
  const status = readLast(dataDir)
  return status && isSupervisor(status.pid) ? status : undefined
}

/** What was written last, by a supervisor that may be gone. A power cut can leave half of it, or nothing. */
function readLast(dataDir: string): Status | undefined {
  try {
    return JSON.parse(readFileSync(statusFile(dataDir), 'utf8')) as Status
  } catch {
    return undefined
  }
}

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
  return { write, stop: () => clearInterval(watch) }
}

export const describeProcesses = ({ slots }: Fleet): ProcessStatus[] =>
  slots.flatMap(({ name, restarts, lastReason, alive }) =>
    Array.from(alive, ({ pid, state, startedAt, boardFile }) => {
      return { name, pid, state, startedAt, restarts, lastReason, board: boardFile }
    }),
  )

/**
 * Makes a folder for scoreboards, in memory where the system has a place for that: on a disk the system would hold up
 * whoever writes to a page that is just being saved. What a supervisor that was killed has left is removed.
 * @throws ConfigError if nothing can be written in DATA_DIR
 */
export function makeBoardFolder(dataDir: string, project: string): string {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    removeLeftovers(dataDir, prefixOf(project))
    return mkdtempSync(prefixOf(project))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`DATA_DIR=${dataDir}: the supervisor cannot keep its status there: ${why}`, {
      cause,
    })
  }
}

/** The folder, or another where it was cleared away: systemd does that to what a user has in memory, at a logout. */
export const keepBoardFolder = (boards: string, project: string): string =>
  existsSync(boards) ? boards : mkdtempSync(prefixOf(project))

const prefixOf = (project: string) => join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `${project}-`)

/** Removes what this supervisor has written, and nothing of another one on the same directory. */
export function removeStatus(dataDir: string, boards: string): void {
  if (readLast(dataDir)?.pid === process.pid) rmSync(statusFile(dataDir), { force: true })
  rmSync(boards, { recursive: true, force: true })
}

function removeLeftovers(dataDir: string, prefix: string): void {
  if (readStatus(dataDir)) return
  const boards: unknown = readLast(dataDir)?.boards
  // The file may say anything: nothing else is removed.
  const isOurs =
    typeof boards === 'string' && boards.startsWith(prefix) && dirname(boards) === dirname(prefix)
  if (isOurs) rmSync(boards, { recursive: true, force: true })
}
