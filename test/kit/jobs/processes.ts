// Worker processes under a test's control: started, killed, stopped, and read by their ledger.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ProcessOptions } from './worker-process.ts'

const ENTRY = fileURLToPath(new URL('./worker-process.ts', import.meta.url))

export interface WorkerProcess {
  readonly id: string
  readonly child: ChildProcess
  /** Resolves when it is at work; rejects if it ends before. */
  readonly ready: Promise<void>
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  signal: (name: NodeJS.Signals) => void
}

/** Spawns a worker; it dies with this process. */
export function spawnWorker(options: ProcessOptions): WorkerProcess {
  const args = ['--no-orphans', ENTRY, JSON.stringify(options)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const ready = Promise.withResolvers<void>()
  child.stdout?.once('data', () => ready.resolve())
  // Behind all that it has said: it may be killed as soon as it is at work.
  child.once('close', () => ready.reject(new Error(`worker ${options.id} ended before it was at work`)))
  // Who does not wait for it is not told.
  ready.promise.catch(() => {})
  return { id: options.id, child, ready: ready.promise, exited, signal: (name) => child.kill(name) }
}

/** How often each line stands in a ledger. */
export function readLedger(path: string): Map<string, number> {
  const counts = new Map<string, number>()
  if (!existsSync(path)) return counts
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line !== '') counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return counts
}
