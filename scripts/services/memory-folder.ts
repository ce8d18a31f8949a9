// A folder for what ends with a run of the tests, in memory if there is room.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt } from '../../src/kit/types/attempt.ts'
import { isAlive } from './child.ts'

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
  removeLeft()
  const inMemory = !process.env.TMPDIR && hasRoom() && runsPrograms()
  const folder = mkdtempSync(join(inMemory ? MEMORY : tmpdir(), `${NAME}${process.pid}-`))
  chmodSync(folder, 0o1777)
  return folder
}

const NAME = 'restbun-run-'

/** What a run that was killed has left in memory. */
function removeLeft(): void {
  for (const name of attempt(() => readdirSync(MEMORY)) ?? []) {
    const pid = name.startsWith(NAME) ? Number.parseInt(name.slice(NAME.length)) : Number.NaN
    if (pid > 0 && !isAlive(pid)) attempt(() => rmSync(join(MEMORY, name), { recursive: true, force: true }))
  }
}

/** Of the file system and of memory: a container may have less of this. */
function hasRoom(): boolean {
  const free = attempt(() => statfsSync(MEMORY))
  return free !== undefined && Math.min(free.bavail * free.bsize, process.availableMemory()) >= ENOUGH_BYTES
}

function runsPrograms(): boolean {
  const mounts = attempt(() => readFileSync('/proc/mounts', 'utf8'))?.split('\n') ?? []
  const options = mounts.map((line) => line.split(' ')).findLast(([, place]) => place === MEMORY)?.[3]
  return options !== undefined && !options.split(',').includes('noexec')
}
