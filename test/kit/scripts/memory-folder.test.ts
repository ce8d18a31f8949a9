// The temporary folder of a test run: what lies in memory is not there for longer than the run.
import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { makeTemporaryFolder } from '../../../scripts/services/memory-folder.ts'

test.skipIf(!existsSync('/dev/shm'))(
  'what a run that was killed has left in memory goes with the next one, and that of a run that goes on stays',
  async () => {
    const killed = Bun.spawn(['true'])
    await killed.exited
    const [left, used] = [killed.pid, process.pid].map((pid) => `/dev/shm/restbun-run-${pid}-test`)
    const folders = [left, used].map(String)
    for (const folder of folders) mkdirSync(folder)
    try {
      folders.push(makeTemporaryFolder())
      expect(folders.map((folder) => existsSync(folder))).toEqual([false, true, true])
    } finally {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    }
  },
)
