// Who runs: this project, the ceiling, and the peers; and how one of them is started and watched.
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endChild, freePort } from '../../../services/child.ts'
import { residentMb } from '../../usage.ts'

const HERE = import.meta.dir
const ROOT = join(HERE, '../../../..')
const GRACE_MS = 10_000

export interface Contestant {
  name: string
  /** Below this folder; `src` is this project, as it runs in production: its supervisor, with metrics. */
  entry: string
  runtime: 'bun' | 'node'
  /** Of another checkout of this project: where it is. */
  root?: string
}

export const CEILING = 'Bun alone (the ceiling)'
export const OURS = 'restbun'

export const CONTESTANTS: Contestant[] = [
  { name: CEILING, entry: 'peers/ceiling.ts', runtime: 'bun' },
  { name: OURS, entry: 'src', runtime: 'bun' },
  { name: 'Hono, Bun', entry: 'peers/hono-bun.ts', runtime: 'bun' },
  { name: 'Elysia, Bun', entry: 'peers/elysia.ts', runtime: 'bun' },
  { name: 'Fastify, Node', entry: 'peers/fastify.ts', runtime: 'node' },
  { name: 'Hono, Node', entry: 'peers/hono-node.ts', runtime: 'node' },
]

export interface Running {
  contestant: Contestant
  processes: number
  url: string
  /** From spawn to the first answer. */
  startMs: number
  /** CPU time of all its processes so far, in seconds. */
  cpuSeconds(): number
  /** Of all its processes that serve, in MB. */
  rssMb(): number
  stop(): Promise<void>
}

/** Node reads no TypeScript: its peers are bundled first, their packages left outside. */
export async function bundleForNode(contestants: Contestant[], folder: string): Promise<void> {
  const entrypoints = contestants.filter((c) => c.runtime === 'node').map((c) => join(HERE, c.entry))
  if (entrypoints.length === 0) return
  const built = await Bun.build({
    entrypoints,
    outdir: folder,
    target: 'node',
    packages: 'external',
    naming: '[name].mjs',
  })
  if (!built.success) throw new AggregateError(built.logs, 'the peers for Node could not be bundled')
}

/**
 * @param nodeFolder where `bundleForNode` has put the bundles
 * @param core the only one that it may run on, if any
 */
export async function launch(
  contestant: Contestant,
  processes: number,
  { env, nodeFolder, core }: { env: Record<string, string>; nodeFolder: string; core?: number | undefined },
): Promise<Running> {
  const { name, entry, runtime, root = ROOT } = contestant
  const isOurs = entry === 'src'
  const port = await freePort()
  const metricsPort = isOurs ? await freePort() : 0
  const [program, file] =
    runtime === 'node'
      ? ['node', join(nodeFolder, entry.replace(/^.*\/(.*)\.ts$/, '$1.mjs'))]
      : [process.execPath, isOurs ? join(root, 'src/supervisor.ts') : join(HERE, entry)]
  const command = [program, ...(runtime === 'bun' ? ['--no-orphans', '--no-env-file'] : []), file]
  const [first = '', ...rest] = core === undefined ? command : ['taskset', '-c', `${core}`, ...command]
  const started = performance.now()
  // Node's peers, and we, have a process that starts the others.
  const hasParent = runtime === 'node' || isOurs
  const children = Array.from({ length: hasParent ? 1 : processes }, () =>
    spawn(first, rest, {
      cwd: root,
      env: {
        ...process.env,
        ...env,
        PWD: root,
        NODE_ENV: 'production',
        APP_URL: 'http://127.0.0.1',
        PORT: String(port),
        PROCESSES: String(processes),
        WEB_PROCESSES: String(processes),
        WORKER_PROCESSES: '0',
        METRICS_PORT: String(metricsPort),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  const stop = async () => {
    await Promise.all(children.map((child) => endChild(child, 'SIGTERM', GRACE_MS)))
  }
  const url = `http://127.0.0.1:${port}`
  try {
    await answers(name, `${url}/health`, children)
  } catch (error) {
    await stop()
    throw error
  }
  const startMs = performance.now() - started
  const pids = () => children.flatMap((child) => withChildren(child.pid ?? 0))
  const serving = () =>
    pids().length > children.length ? pids().filter((pid) => pid !== children[0]?.pid) : pids()
  while (serving().length < processes) await Bun.sleep(20)
  return {
    contestant,
    processes,
    url,
    startMs,
    cpuSeconds: cpuClock(pids),
    rssMb: () => serving().reduce((sum, pid) => sum + residentMb(pid), 0),
    stop,
  }
}

async function answers(name: string, url: string, children: ChildProcess[]): Promise<void> {
  for (;;) {
    if (children.some((child) => child.exitCode !== null || child.signalCode !== null)) {
      throw new Error(`${name} ended at its start`)
    }
    const reply = await fetch(url).catch(() => undefined)
    if (reply?.ok) return
    await Bun.sleep(2)
  }
}

function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [
    pid,
    ...(children === '' ? [] : children.split(' ').flatMap((child) => withChildren(Number(child)))),
  ]
}

/**
 * CPU time of all threads of processes, those that have ended too as far as it was seen: runtimes end idle ones. In
 * nanoseconds, where `/proc/<pid>/stat` counts ticks of 10 ms.
 */
function cpuClock(pids: () => number[]): () => number {
  const nanos = new Map<string, number>()
  return () => {
    for (const file of pids().flatMap((pid) =>
      readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}/schedstat`),
    )) {
      try {
        nanos.set(file, Number(readFileSync(file, 'utf8').split(' ')[0]))
      } catch {
        // It has just ended.
      }
    }
    return nanos.values().reduce((sum, each) => sum + each, 0) / 1e9
  }
}
