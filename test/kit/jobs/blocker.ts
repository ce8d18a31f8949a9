// Preloaded into a worker: blocks its event loop for three seconds when it gets SIGWINCH.
import { writeSync } from 'node:fs'

const BLOCK_MS = 3000

process.on('SIGWINCH', () => {
  Bun.sleepSync(BLOCK_MS)
  writeSync(1, 'came through\n')
})
