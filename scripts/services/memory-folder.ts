// A folder for what ends with a run of the tests, in memory if there is room.
import { chmodSync, mkdtempSync, readFileSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt } from '../../src/kit/types/attempt.ts'

/** Linux keeps it in memory; in most containers it has 64 MB, and runs no programs. */
const MEMORY = '/dev/shm'
/** Several times what a run takes: databases, checkouts and browsers' profiles live as long as a test file. */
const ENOUGH_BYTES = 4 * 1024 ** 3

/**
 * Makes it, for every account, as the system's own: there, where TMPDIR is set or memory is short. A run makes and deletes a
 * hundred thousand files, and before ext4 makes one it passes over the inodes of all that were deleted in the last minutes:
 * a new database costs up to a second of CPU, in memory 10 ms.
 */
export function makeTemporaryFolder(): string {
  const inMemory = !process.env.TMPDIR && hasRoom() && runsPrograms()
  const folder = mkdtempSync(join(inMemory ? MEMORY : tmpdir(), 'restbun-run-'))
  chmodSync(folder, 0o1777)
  return folder
}

function hasRoom(): boolean {
  const free = attempt(() => statfsSync(MEMORY))
  return free !== undefined && free.bavail * free.bsize >= ENOUGH_BYTES
}

function runsPrograms(): boolean {
  const mounts = attempt(() => readFileSync('/proc/mounts', 'utf8'))?.split('\n') ?? []
  const options = mounts.map((line) => line.split(' ')).findLast(([, place]) => place === MEMORY)?.[3]
  return options !== undefined && !options.split(',').includes('noexec')
}
