// Chooses the folder of a supervisor's scoreboards: in memory if the system has a place for it, since on a disk a write to
// a page that is just being saved has to wait.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigError } from '../types/config-error.ts'
import { readLastStatus, readStatus } from './status.ts'

export class BoardFolder {
  readonly #prefix: string
  #path: string
  #files = 0

  private constructor(prefix: string) {
    this.#prefix = prefix
    this.#path = mkdtempSync(prefix)
  }

  /**
   * Makes it, and removes the one that a killed supervisor has left.
   * @throws ConfigError if nothing can be written in DATA_DIR
   */
  static create(dataDir: string, project: string): BoardFolder {
    const prefix = join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `${project}-`)
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      removeLeftovers(dataDir, prefix)
      return new BoardFolder(prefix)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ConfigError(`DATA_DIR=${dataDir}: the supervisor cannot keep its status there: ${why}`, {
        cause,
      })
    }
  }

  get path(): string {
    return this.#path
  }

  /** The name of one more file in it. systemd clears away what a user has in memory at a logout: then it is made anew. */
  nextFile(): string {
    if (!existsSync(this.#path)) this.#path = mkdtempSync(this.#prefix)
    return join(this.#path, String(++this.#files))
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true })
  }
}

function removeLeftovers(dataDir: string, prefix: string): void {
  if (readStatus(dataDir)) return
  const boards: unknown = readLastStatus(dataDir)?.boards
  // The file may say anything: nothing else is removed.
  const isOurs =
    typeof boards === 'string' && boards.startsWith(prefix) && dirname(boards) === dirname(prefix)
  if (isOurs) rmSync(boards, { recursive: true, force: true })
}
