// Runs the watchdog's own thread; see watchdog.ts.
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { Watch } from './watchdog.ts'

const { beats, blockMs, checks }: Watch = workerData
const view = new Int32Array(beats)
let seen = Atomics.load(view, 0)
let still = 0

// Counts its own turns, not time: after a SIGSTOP or a suspend both threads have missed the same.
setInterval(() => {
  const now = Atomics.load(view, 0)
  still = now === seen ? still + 1 : 0
  seen = now
  if (still < checks) return
  // Not process.stderr: a thread writes there by way of the event loop that stands still.
  writeSync(2, `watchdog: the event loop of ${process.pid} has not turned for ${blockMs} ms: killed\n`)
  process.kill(process.pid, 'SIGKILL')
}, blockMs / checks)
