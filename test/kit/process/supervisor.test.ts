// The supervisor: what dies is replaced, what is stuck is killed, and nothing outlives it.
import { afterEach, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../../../scripts/services/child.ts'
import { A_WHILE, startLoad } from '../support/load.ts'
import { copyCheckout, startService, type Service } from '../support/supervised.ts'
import { until } from '../support/until.ts'
import { accepts } from '../support/ports.ts'

let service: Service | undefined
let copy: string | undefined
afterEach(async () => {
  await service?.close()
  if (copy !== undefined) rmSync(copy, { recursive: true })
  service = copy = undefined
})

test('a killed API process is replaced, and only its own requests fail', async () => {
  service = await startService()
  const { pids, lines, untilSteady } = service
  const [victim = 0] = pids()
  const load = startLoad(service.url, { connections: 16, path: A_WHILE })
  await until('load', () => load.answered() > 200)
  process.kill(victim, 'SIGKILL')
  await until('another process', () => pids().length === 2 && !pids().includes(victim))
  await untilSteady()
  const since = load.answered()
  await until('load on the new process', () => load.answered() > since + 200)
  const { failures } = await load.stop()
  const death = await until('the log', () => lines('died').find(({ level }) => level === 'error'))
  expect(death.msg).toMatch(new RegExp(`^server 1 \\(pid ${victim}\\) died: was killed by SIGKILL`))
  const lost = Number(/(\d+) requests died with it/.exec(death.msg)?.[1] ?? 0)
  const failed = failures['connection ended without an answer'] ?? 0
  expect(Object.keys(failures).filter((why) => why !== 'connection ended without an answer')).toEqual([])
  // What it had not read yet is lost too.
  expect(failed).toBeGreaterThanOrEqual(lost)
  // A client that is back before the kernel has closed the listener too loses a second one.
  expect(failed).toBeLessThanOrEqual(2 * 16)
})

test('a spinning process is killed and replaced, the log says what it did, and the other one does not notice', async () => {
  service = await startService({ HARAKIRI_MS: '4000' })
  const { url, pids, lines, untilSteady } = service
  const blocked = fetch(`${url}/apitest/block?ms=60000`, { headers: { 'X-Request-Id': 'the-culprit' } })
  const outcome = blocked.then(
    () => 'answered',
    () => 'died',
  )
  // Connections that reach the other process are answered all the while.
  let answered = 0
  const ask = async () => {
    const reply = await fetch(`${url}/health`, { headers: { connection: 'close' } }).catch(() => null)
    answered += Number(reply?.ok ?? false)
  }
  await until('its end', () => {
    void ask()
    return lines('HARAKIRI').length > 0
  })
  expect(await outcome).toBe('died')
  expect(answered).toBeGreaterThan(5)
  const [told] = lines('HARAKIRI')
  expect(told).toMatchObject({ level: 'error' })
  expect(Number(told?.died)).toBeGreaterThanOrEqual(1)
  expect(told?.serving).toEqual(
    expect.arrayContaining([expect.stringMatching(/^GET \/apitest\/block the-culprit for \d+\.\d s$/)]),
  )
  const killed = Number(/pid (\d+)/.exec(told?.msg ?? '')?.[1])
  await until('another process', () => pids().length === 2 && !pids().includes(killed))
  await untilSteady()
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('a process that computes while it starts is not taken for a stuck one, nor is a worker before JOB_BLOCK_MS', async () => {
  copy = copyCheckout()
  const compute = 'Bun.sleepSync(4000)' // nor does anything else run meanwhile
  const app = join(copy, 'test/kit/product/app.ts')
  const worker = join(copy, 'src/kit/process/run-worker.ts')
  const put = (file: string, before: string, code: string) => {
    const text = readFileSync(file, 'utf8')
    expect(text).toContain(before)
    writeFileSync(file, text.replace(before, `${code}\n${before}`))
  }
  put(app, '  const app = factory.createApp()', compute)
  put(worker, '    const stop = async () => {', `setTimeout(() => ${compute}, 500)`)
  service = await startService({ HARAKIRI_MS: '2500', WORKER_PROCESSES: '1' }, { folder: copy })
  const before = service.pids()
  const reload = await service.reload() // its processes take the place of others that serve
  expect(reload.result).toBe('succeeded')
  await service.untilSteady()
  expect(service.pids().filter((pid) => before.includes(pid))).toEqual([])
  expect(service.lines('HARAKIRI')).toEqual([])
})

test('kill -9 of the supervisor leaves no process and no port, not even of one that is stuck', async () => {
  service = await startService()
  const { url, pids } = service
  const all = pids()
  const stuck = fetch(`${url}/apitest/block?ms=60000`).catch(() => undefined)
  // Blocked is who stands still while others answer.
  await until('one that is blocked', () => isSpinning(all))
  service.child.kill('SIGKILL')
  await until('every process to end', () => !all.some(isAlive))
  await until('the port to be closed', async () => !(await accepts(Number(new URL(url).port))))
  await stuck
})

/** True if one of them computes without a pause. */
function isSpinning(pids: number[]): boolean {
  return pids.some((pid) => / R /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
}

test('SIGTERM under load: every request that was accepted is answered, and the exit code is 0', async () => {
  service = await startService({ WORKER_PROCESSES: '1' })
  const { child, exit, isServing, lines, url } = service
  const slow = fetch(`${url}/apitest/sleep?ms=1500`)
  await until('it to be in', isServing)
  const load = startLoad(url, { connections: 32 })
  await until('load', () => load.answered() > 500)
  child.kill('SIGTERM')
  expect((await slow).status).toBe(200)
  expect(await exit()).toBe(0)
  const { ok } = await load.stop()
  expect(ok).toBe(lines('"path":"/health"').length)
  const ends = lines('is gone').map(({ msg }) => msg.replace(/ \(pid \d+\)/, ''))
  expect(ends.sort()).toEqual(
    ['server 1', 'server 2', 'worker 1'].map((name) => `${name} is gone: ended with exit code 0`),
  )
})

test('a second signal ends all at once', async () => {
  service = await startService()
  const { child, exit, isServing, lines, pids, url } = service
  const all = pids()
  const slow = fetch(`${url}/apitest/sleep?ms=60000`).catch(() => 'cut')
  await until('it to be in', isServing)
  await until('the drain', () => {
    child.kill('SIGTERM')
    return lines('ends at once').length > 0 || child.exitCode !== null
  })
  expect(await exit()).toBe(1)
  expect(await slow).toBe('cut')
  await until('every process to end', () => !all.some(isAlive))
})

test('who keeps dying at boot is started again with growing pauses, until it can be', async () => {
  copy = copyCheckout()
  service = await startService({}, { folder: copy })
  const { lines, pids, url, untilSteady } = service
  const entry = join(copy, 'test/kit/product/server.ts')
  const good = readFileSync(entry, 'utf8')
  writeFileSync(entry, `throw new Error('nobody knows this release')\n`)
  process.kill(pids()[0] ?? 0, 'SIGKILL')
  const pauses = await until('three pauses', () => {
    const found = lines('keeps dying').map(({ msg }) => Number(/in (\d+) ms/.exec(msg)?.[1]))
    return found.length >= 3 ? found : undefined
  })
  expect(pauses.slice(0, 3)).toEqual([250, 500, 1000])
  expect(lines('nobody knows').at(-1)?.msg).toMatch(/died: ended with exit code 1: .*nobody knows this/s)
  expect((await fetch(`${url}/health`, { headers: { connection: 'close' } })).status).toBe(200)
  writeFileSync(entry, good)
  await untilSteady()
})

test('code that does not start at all ends the supervisor too, with the reason: it loads none of it itself', async () => {
  copy = copyCheckout()
  for (const name of ['server', 'worker', 'app', 'tasks', 'crons']) {
    writeFileSync(join(copy, `test/kit/product/${name}.ts`), `throw new Error('nobody knows this release')\n`)
  }
  service = await startService({}, { folder: copy, untilReady: false })
  expect(await service.exit()).toBe(1)
  const [told] = service.lines('giving up')
  expect(told?.msg).toContain('nobody knows this release')
})

test('a worker that died is followed by one with its id, which finds its jobs; one that replaces a live worker has another', async () => {
  service = await startService({ WEB_PROCESSES: '0', WORKER_PROCESSES: '1' })
  const { pids, untilSteady } = service
  const idOf = () => {
    const words = readFileSync(`/proc/${pids()[0]}/cmdline`, 'utf8').split('\0')
    return words[words.indexOf('--id') + 1]
  }
  const first = idOf()
  const [victim = 0] = pids()
  process.kill(victim, 'SIGKILL')
  await until('another worker', () => pids().length > 0 && !pids().includes(victim))
  await untilSteady()
  expect(idOf()).toBe(first ?? 'none')
  expect((await service.reload()).result).toBe('succeeded')
  await untilSteady()
  expect(idOf()).not.toBe(first ?? '')
})

test('a taken port is told before anything starts, although processes could share it', async () => {
  const first = (service = await startService())
  const second = Bun.spawn([process.execPath, '--no-env-file', 'test/kit/product/supervisor.ts'], {
    env: {
      PORT: new URL(first.url).port,
      DATABASE_URL: 'postgres://x@127.0.0.1/x',
      REDIS_URL: 'redis://127.0.0.1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  expect(await second.exited).toBe(1)
  expect(await second.stderr.text()).toMatch(/^Port \d+ is taken/)
})
