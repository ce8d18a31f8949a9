// The supervisor: what dies is replaced, what is stuck is killed, and nothing outlives it.
import { afterEach, expect, test } from 'bun:test'
import { isAlive } from '../scripts/services/child.ts'
import { startLoad } from './support/load.ts'
import { accepts, startService, type Service } from './support/supervised.ts'
import { until } from './support/until.ts'

const TIMEOUT_MS = 60_000
let service: Service | undefined
afterEach(async () => {
  await service?.close()
  service = undefined
})

const pidsOf = (running: Service) => running.processes().map(({ pid }) => pid)

/** The process that answers a request, and the request: a log line names both. */
async function whoServes(running: Service, id: string): Promise<number> {
  const line = await until('the line of the request', () =>
    running
      .output()
      .split('\n')
      .find((l) => l.includes(id) && l.includes('"pid"')),
  )
  return (JSON.parse(line) as { pid: number }).pid
}

test(
  'a killed API process is replaced, and only its own requests fail',
  async () => {
    service = await startService()
    const before = pidsOf(service)
    const load = startLoad(service.url, { connections: 16 })
    await until('load', () => load.answered() > 200)
    process.kill(before[0] ?? 0, 'SIGKILL')
    await until(
      'another process',
      () => pidsOf(service!).length === 2 && !pidsOf(service!).includes(before[0]!),
    )
    await service.untilSteady()
    const since = load.answered()
    await until('load on the new process', () => load.answered() > since + 200)
    const { ok, failures } = await load.stop()
    expect(ok).toBeGreaterThan(400)
    expect(Object.keys(failures)).toEqual(['connection ended without an answer'])
    expect(load.failed()).toBeLessThanOrEqual(16)
    expect(service.output()).toContain('died: was killed by SIGKILL')
  },
  TIMEOUT_MS,
)

test(
  'SIGHUP replaces every process, and no request fails',
  async () => {
    service = await startService()
    const before = pidsOf(service)
    const load = startLoad(service.url)
    await until('load', () => load.answered() > 500)
    expect(await service.reload()).toMatchObject({ number: 1, result: 'succeeded' })
    const since = load.answered()
    await until('load on the new processes', () => load.answered() > since + 500)
    expect((await load.stop()).failures).toEqual({})
    expect(pidsOf(service).filter((pid) => before.includes(pid))).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  'kill -9 of the supervisor leaves no process and no port, not even one that is stuck',
  async () => {
    service = await startService()
    const pids = pidsOf(service)
    const stuck = fetch(`${service.url}/apitest/block?ms=60000`).catch(() => undefined)
    await until('the request', () => service?.output().includes('/apitest') || true)
    service.child.kill('SIGKILL')
    await until('every process to end', () => !pids.some(isAlive))
    const port = Number(new URL(service.url).port)
    await until('the port to be closed', async () => !(await accepts(port)))
    await stuck
  },
  TIMEOUT_MS,
)
void whoServes
