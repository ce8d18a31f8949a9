// What the supervisor writes down for `npm run status` and for scripts: a file in DATA_DIR, and the scoreboards it names.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../config.ts'
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

const statusFile = (dataDir: string) => join(dataDir, 'supervisor.json')

/** Undefined if no supervisor runs on that directory. */
export function readStatus(dataDir: string): Status | undefined {
  try {
    const status = JSON.parse(readFileSync(statusFile(dataDir), 'utf8')) as Status
    process.kill(status.pid, 0)
    return status
  } catch {
    return undefined
  }
}

/** Replaces the file as a whole, so that nobody reads half of it. Its folder is for its owner only. */
export function writeStatus(dataDir: string, status: Status): void {
  const file = statusFile(dataDir)
  writeFileSync(`${file}.new`, `${JSON.stringify(status)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
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
  const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const prefix = join(place, `${project}-`)
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    removeLeftovers(dataDir, prefix)
    return mkdtempSync(prefix)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`DATA_DIR=${dataDir}: the supervisor cannot keep its status there: ${why}`, {
      cause,
    })
  }
}

/** Removes what a supervisor that ends has written. */
export function removeStatus(dataDir: string, boards: string): void {
  rmSync(statusFile(dataDir), { force: true })
  rmSync(boards, { recursive: true, force: true })
}

function removeLeftovers(dataDir: string, prefix: string): void {
  if (!existsSync(statusFile(dataDir)) || readStatus(dataDir)) return
  const { boards } = JSON.parse(readFileSync(statusFile(dataDir), 'utf8')) as Status
  // The file may say anything: nothing else is removed.
  if (boards.startsWith(prefix)) rmSync(boards, { recursive: true, force: true })
}
