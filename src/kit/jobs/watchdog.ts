// Kills the process when its event loop is blocked: a worker that sends no heartbeats must not outlive its lease.
import { Worker } from 'node:worker_threads'

/** What the thread is given. */
export interface Watch {
  beats: SharedArrayBuffer
  blockMs: number
  checks: number
}

const CHECKS = 20

/**
 * Starts a thread that SIGKILLs this process when its event loop has not turned for `blockMs`.
 * @returns ends the watch
 */
export function startWatchdog(blockMs: number): () => void {
  const beats = new SharedArrayBuffer(4)
  const view = new Int32Array(beats)
  const workerData: Watch = { beats, blockMs, checks: CHECKS }
  const thread = new Worker(new URL('./watchdog-thread.ts', import.meta.url), { workerData })
  thread.unref()
  const timer = setInterval(() => Atomics.add(view, 0, 1), blockMs / CHECKS)
  timer.unref()
  return () => {
    clearInterval(timer)
    void thread.terminate()
  }
}
