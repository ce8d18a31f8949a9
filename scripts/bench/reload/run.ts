// What a rolling reload, a kill -9 and the processes themselves cost, on services of its own.
import { readMigrateReq } from '../../../src/kit/process/host.ts'
import { takeArguments } from '../../command.ts'
import { prepareTestRun } from '../../services/test-run.ts'
import { residentMb } from '../usage.ts'
import { startLoad, type LoadResult } from '../../../test/kit/support/load.ts'
import { startService } from '../../../test/kit/support/supervised.ts'
import { until } from '../../../test/kit/support/until.ts'

const USAGE = 'Usage: npm run bench:reload [-- <seconds> <path> ...]'
const [seconds = '5', ...paths] = takeArguments(USAGE, {}, Infinity).positionals
const SECONDS = Number(seconds)
const RELOADS = 5
const CONNECTIONS = 64
const PATHS = paths.length > 0 ? paths : ['/health', '/ready'] // the second asks Postgres and Redis

const { run, close } = await prepareTestRun(process.env)
Object.assign(process.env, run)
const service = await startService(
  { NODE_ENV: 'production', APP_URL: 'http://127.0.0.1', HOST: '127.0.0.1', LOG_LEVEL: 'warn' },
  { of: 'project' },
)
const migrates = readMigrateReq()
console.log(`2 API processes, ${CONNECTIONS} connections, net.ipv4.tcp_migrate_req=${migrates}`)
try {
  const idle = memory()
  for (const path of PATHS) for (const keepAlive of [true, false]) await reloads(path, keepAlive)
  await kills()
  console.log(`memory of an API process: idle ${idle} MB, after the load ${memory()} MB`)
} finally {
  await service.close()
  await close()
}

async function reloads(path: string, keepAlive: boolean): Promise<void> {
  const load = startLoad(service.url, { connections: CONNECTIONS, keepAlive, path })
  const marks = [performance.now()]
  await Bun.sleep(SECONDS * 1000)
  marks.push(performance.now())
  for (let i = 0; i < RELOADS; i++) {
    const { result, reason } = await service.reload()
    if (result !== 'succeeded') throw new Error(`a reload failed: ${reason}`)
  }
  marks.push(performance.now())
  await Bun.sleep(SECONDS * 1000)
  const all = await load.stop()
  const [start = 0, from = 0, to = 0] = marks
  const parts = {
    before: [0, from - start],
    during: [from - start, to - start],
    after: [to - start, Infinity],
  }
  const p99s = Object.entries(parts).map(
    ([name, [a = 0, b = 0]]) => `${name} ${p99(all, a, b).toFixed(1)} ms`,
  )
  const failed = Object.values(all.failures).reduce((a, b) => a + b, 0)
  console.log(
    `${path}, ${keepAlive ? 'keep-alive' : 'connection per request'}: ${failed} of ${all.times.length + failed} failed in ${RELOADS} reloads ` +
      `of ${((to - from) / RELOADS / 1000).toFixed(1)} s; longest gap of a client ${all.longestGapMs.toFixed(0)} ms; p99 ${p99s.join(', ')}`,
  )
}

function p99({ times }: LoadResult, from: number, to: number): number {
  const part = times.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms)
  return part.toSorted((a, b) => a - b)[Math.floor(part.length * 0.99)] ?? NaN
}

/** From the death of a process to the first answer of the one that follows it. */
async function kills(): Promise<void> {
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const [victim = 0] = service.pids()
    const killedAt = performance.now()
    process.kill(victim, 'SIGKILL')
    await until('another process', () => service.pids().length === 2 && !service.pids().includes(victim))
    await service.untilSteady()
    times.push(performance.now() - killedAt)
  }
  const [, , median = 0] = times.toSorted((a, b) => a - b)
  console.log(
    `from kill -9 to two ready processes: median ${median.toFixed(0)} ms, at most ${Math.max(...times).toFixed(0)} ms`,
  )
}

function memory(): number {
  const sizes = service.processes('ready').map(({ pid }) => residentMb(pid))
  return Math.round(Math.max(...sizes))
}
