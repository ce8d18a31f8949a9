// What an operator sees of a running service: npm run status, npm run reload, /metrics, and what systemd is told.
import { afterEach, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { BoardFolder } from '../../../src/kit/process/board-folder.ts'
import { adviceOnPool } from '../../../src/kit/process/host.ts'
import { countRequests } from '../../../src/kit/process/request-metrics.ts'
import { writeStatus } from '../../../src/kit/process/status.ts'
import { copyCheckout, startService, type Service } from '../support/supervised.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

let service: Service | undefined
let folders: string[] = []
afterEach(async () => {
  await service?.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  service = undefined
  folders = []
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-status-'))
  folders.push(folder)
  return folder
}

async function run(command: string, dataDir: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, `scripts/${command}.ts`, ...args], {
    cwd: join(import.meta.dir, '../../..'),
    env: { DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  return { code, out, err }
}

test('npm run status shows each process, with what it serves and why it was last changed', async () => {
  service = await startService({ WORKER_PROCESSES: '1' })
  const { dataDir, pids, url, untilSteady } = service
  const sleeping = fetch(`${url}/apitest/sleep?ms=60000`).catch(() => undefined)
  const busy = await until('the request to be shown', async () => {
    const { processes } = JSON.parse((await run('status', dataDir, '--json')).out)
    return (processes as { pid: number; name: string; inFlight: number; rss: number }[]).find(
      ({ inFlight }) => inFlight === 1,
    )
  })
  expect(busy).toMatchObject({ state: 'ready', requests: expect.any(Number), lagMs: expect.any(Number) })
  expect(busy.rss).toBeGreaterThan(10_000_000)
  process.kill(busy.pid, 'SIGKILL')
  await sleeping
  await until('another process', () => pids().length === 3 && !pids().includes(busy.pid))
  await untilSteady()
  const { code, out } = await run('status', dataDir)
  expect(code).toBe(0)
  expect(out).toMatch(
    /^supervisor \d+, development, version \S+, port \d+, up \d+ s\nno reload yet\nprocess +pid/,
  )
  expect(out).toMatch(new RegExp(`^${busy.name} .* ready .* 1 +was killed by SIGKILL; 1 requests died`, 'm'))
  expect(out).toMatch(/^worker 1 .* ready /m)
  expect(statSync(join(dataDir, 'supervisor.json')).mode & 0o777).toBe(0o600)
  expect(statSync(service.status()?.boards ?? '').mode & 0o777).toBe(0o700)
})

test('npm run status without a supervisor says so, and fails', async () => {
  const { code, err } = await run('status', '/nonexistent')
  expect([code, err]).toEqual([
    1,
    'No supervisor runs on DATA_DIR: `npm start` runs one. `npm run dev` has none, and takes up edits by itself\n',
  ])
})

test.each(['', '{', 'null', '{}', '{"boards":5}'])(
  'a status file that holds %p, as a power cut may leave it, keeps nobody from starting',
  (content) => {
    const dataDir = temporaryFolder()
    writeFileSync(join(dataDir, 'supervisor.json'), content)
    folders.push(BoardFolder.create(dataDir, 'restbun-test').path)
  },
)

test('of what a status file names only a folder of scoreboards is removed', () => {
  const dataDir = temporaryFolder()
  const first = BoardFolder.create(dataDir, 'restbun-test').path
  const precious = join(dirname(first), `precious-${crypto.randomUUID()}`)
  mkdirSync(precious)
  folders.push(precious, first)
  for (const boards of [precious, `${first}/../${precious.slice(dirname(first).length + 1)}`, first]) {
    writeFileSync(join(dataDir, 'supervisor.json'), JSON.stringify({ pid: 0, boards }))
    folders.push(BoardFolder.create(dataDir, 'restbun-test').path)
  }
  expect([existsSync(precious), existsSync(first)]).toEqual([true, false])
})

test('the status is written through no link that somebody has laid', () => {
  const dataDir = temporaryFolder()
  const precious = join(dataDir, 'precious')
  writeFileSync(precious, 'untouched')
  symlinkSync(precious, join(dataDir, 'supervisor.json.new'))
  const status = { version: '1', mode: 'production', port: 1, startedAt: 0, boards: '', processes: [] }
  writeStatus(dataDir, { ...status, pid: process.pid })
  expect(readFileSync(precious, 'utf8')).toBe('untouched')
  expect(JSON.parse(readFileSync(join(dataDir, 'supervisor.json'), 'utf8'))).toMatchObject(status)
})

test('npm run reload signals no other program that has got the pid of a supervisor that crashed', async () => {
  const dataDir = temporaryFolder()
  const other = Bun.spawn(['sleep', '60'])
  try {
    writeFileSync(join(dataDir, 'supervisor.json'), JSON.stringify({ pid: other.pid, processes: [] }))
    const { code, err } = await run('reload', dataDir)
    expect([code, err]).toEqual([1, expect.stringContaining('No supervisor runs on DATA_DIR')])
    expect(other.signalCode).toBeNull()
  } finally {
    other.kill('SIGKILL')
    await other.exited
  }
})

test('a second supervisor on one DATA_DIR says so, and its status stays while the first changes and ends', async () => {
  service = await startService({ WEB_PROCESSES: '1' })
  const { child, dataDir, status } = service
  const ownPids = service.pids()
  const about = `the supervisor ${child.pid} on port ${status()?.port} runs on the same DATA_DIR`
  expect(service.lines('runs on the same DATA_DIR')).toEqual([])
  const second = await startService({ WEB_PROCESSES: '1', DATA_DIR: dataDir }, { untilReady: false })
  try {
    const warning = await until('the warning', () => second.lines('runs on the same DATA_DIR')[0])
    expect([warning.level, warning.msg]).toEqual(['warn', expect.stringContaining(about)])
    await until('its own status', () => status()?.pid === second.child.pid)
    const [victim = 0] = ownPids
    process.kill(victim, 'SIGKILL')
    await until('another process', () => service?.lines('listening on').length === 2)
    child.kill('SIGTERM')
    await service.exit()
    expect(status()?.pid).toBe(second.child.pid)
  } finally {
    await second.close()
  }
})

test('a second supervisor on one DATA_DIR that ends, in order or not, leaves the status to the first again', async () => {
  service = await startService({ WEB_PROCESSES: '1' })
  const { child, dataDir, status } = service
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const second = await startService({ WEB_PROCESSES: '1', DATA_DIR: dataDir }, { untilReady: false })
    try {
      const own = await until('its own status', () => {
        const now = status()
        return now?.pid === second.child.pid ? now : undefined
      })
      folders.push(own.boards) // who is killed leaves it
      second.child.kill(signal)
      await second.exit()
      await until('the status of the first', () => status()?.pid === child.pid)
      expect((await run('status', dataDir)).out).toStartWith(`supervisor ${child.pid}, `)
    } finally {
      await second.close()
    }
  }
})

test('counts that cannot be written are no reason to die', () => {
  expect(countRequests('/nonexistent/metrics').write).not.toThrow()
})

test('where the folder of the scoreboards is cleared away, who dies is followed by another all the same', async () => {
  service = await startService()
  const { pids, untilSteady, dataDir } = service
  const boards = service.status()?.boards ?? ''
  rmSync(boards, { recursive: true })
  const [victim = 0, other = 0] = pids()
  process.kill(victim, 'SIGKILL')
  await until('another process', () => pids().length === 2 && !pids().includes(victim))
  await untilSteady()
  expect(pids()).toContain(other)
  expect(existsSync(boards)).toBe(false)
  expect((await run('reload', dataDir)).code).toBe(0)
})

test('npm run reload waits for the end of a reload, and its exit code tells how it went', async () => {
  const folder = copyCheckout()
  folders.push(folder)
  service = await startService({ WEB_PROCESSES: '1' }, { folder })
  const good = await run('reload', service.dataDir)
  expect([good.code, good.out]).toEqual([0, expect.stringMatching(/^reloaded in \d+\.\d s\n$/)])
  writeFileSync(join(folder, 'test/kit/product/server.ts'), `throw new Error('a broken release')\n`)
  const bad = await run('reload', service.dataDir)
  expect(bad.code).toBe(1)
  expect(bad.err).toContain('The reload failed')
  expect(bad.err).toContain('a broken release')
  expect((await run('status', service.dataDir)).out).toContain('reload 2, ')
})

test('/metrics tells the counts of all processes as those of one service, and forgets none of those that are gone', async () => {
  const metricsPort = await freePort()
  service = await startService({ METRICS_PORT: String(metricsPort), WORKER_PROCESSES: '1' })
  const { url, untilSteady } = service
  const scrape = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const value = (text: string, series: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')
        .at(-1),
    )
  const ID = '11111111-1111-4111-8111-111111111111'
  const ask = (path: string) => fetch(url + path, { headers: { connection: 'close' } })
  await Promise.all(Array.from({ length: 20 }, () => ask('/health')))
  await ask(`/api/nothing/${ID}`)

  const healthy = 'http_requests_total{method="GET",route="/health",status="200"}'
  await until('the counts of both', async () => value(await scrape(), healthy) === 20)
  await service.reload()
  await untilSteady()
  // Those of a process that is gone are kept, its places are not; what Postgres and Redis say late is left out.
  const text = await until('all of the three', async () => {
    const now = await scrape()
    const isWhole = now.includes('postgres_connections{') && now.includes('queue_workers ')
    return isWhole && value(now, 'gate_places{gate="pool"}') === 24 ? now : undefined
  })
  expect(value(text, healthy)).toBe(20)
  expect(value(text, 'http_requests_total{method="GET",route="none",status="404"}')).toBe(1)
  expect(value(text, 'http_request_duration_seconds_count{method="GET",route="/health"}')).toBe(20)
  expect(value(text, 'http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/health"}')).toBe(20)
  expect(text).not.toContain(ID)
  expect(value(text, 'process_ready{process="server 2"}')).toBe(1)
  expect(value(text, 'process_resident_memory_bytes{process="server 1"}')).toBeGreaterThan(10_000_000)
  expect(value(text, 'http_requests_in_flight{process="server 1"}')).toBe(0)
  expect(value(text, 'event_loop_lag_seconds{process="worker 1"}')).toBeGreaterThanOrEqual(0)
  expect(value(text, 'postgres_pool_size')).toBe(12)
  expect(value(text, 'postgres_connections{state="idle"}')).toBeGreaterThanOrEqual(1)
  expect(value(text, 'queue_jobs{queue="default",place="waiting"}')).toBe(0)
  expect(value(text, 'queue_deaths_total{queue="default"}')).toBe(0)
  expect(value(text, 'queue_dead_trimmed_total{queue="default"}')).toBe(0)
  expect(value(text, 'queue_workers')).toBeGreaterThanOrEqual(1)
  expect(value(text, 'queue_served_by{queue="default"}')).toBeGreaterThanOrEqual(1)
  expect(value(text, 'queue_lag_seconds{queue="default"}')).toBe(0)
  expect(value(text, 'gate_waiting{gate="pool"}')).toBe(0)
  expect(value(text, 'gate_refused_total{gate="passwords"}')).toBe(0)
  expect(text).toMatch(/^postgres_query_duration_seconds_count\{query="[^"]+"\} [1-9]/m)
  expect(text).toMatch(/^postgres_query_errors_total\{query="[^"]+"\} \d/m)
})

test('every metric that the alert rules name is one that a running service tells', async () => {
  const metricsPort = await freePort()
  service = await startService({ METRICS_PORT: String(metricsPort), WEB_PROCESSES: '1' })
  // What Postgres and Redis say late is left out.
  const text = await until('a whole answer', async () => {
    const now = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const parts = ['postgres_connections{', 'queue_workers ', 'gate_places{', ' job_attempts_total ']
    return parts.every((part) => now.includes(part)) ? now : undefined
  })
  const told = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
  )
  const rules = readFileSync(join(import.meta.dir, '../../../scripts/deploy/alerts.yml'), 'utf8')
  const expressions = [...rules.matchAll(/^ +expr: (?:>\n)?([^]*?)\n +(?:for|labels):/gm)].map(
    ([, expr = '']) => expr,
  )
  const named = expressions.flatMap((expr) => expr.match(/\b[a-z]+(?:_[a-z]+)+(?=[{[)\s]|$)/g) ?? [])
  expect(expressions.length).toBe(rules.match(/- alert:/g)?.length ?? 0)
  expect(named.length).toBeGreaterThanOrEqual(expressions.length)
  expect(named.filter((name) => !told.includes(name))).toEqual([])
})

/** A service, and the lines that it has told a systemd that stands in for the real one: the socket, and what is said. */
async function startUnderSystemd() {
  const folder = temporaryFolder()
  const file = join(folder, 'told')
  const command = join(folder, 'systemd-notify')
  writeFileSync(command, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${file}\n`)
  chmodSync(command, 0o755)
  const own = await startService({
    WEB_PROCESSES: '1',
    NOTIFY_SOCKET: '/run/x',
    PATH: `${folder}:${process.env.PATH}`,
  })
  service = own
  const told = () => readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  return { own, told }
}

test('systemd is told when the service is ready, reloads, and stops', async () => {
  const { own, told } = await startUnderSystemd()
  await until('the first word', () => told().length > 0)
  await own.reload()
  await until('the end of the reload', () => told().length === 3)
  own.child.kill('SIGTERM')
  expect(await own.exit()).toBe(0)
  const words = ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']
  expect(told()).toEqual(words.map((word) => `/run/x ${word}`))
})

test('systemd is told that the service is ready when every reload that was asked for is done, not before', async () => {
  const { own, told } = await startUnderSystemd()
  const { child, status } = own
  await until('the first word', () => told().length === 1)
  child.kill('SIGHUP')
  await until('the first reload', () => status()?.reload?.result === 'running')
  child.kill('SIGHUP')
  await until('the second reload', () => {
    const { number, result } = status()?.reload ?? {}
    return number === 2 && result === 'succeeded'
  })
  await until('the word after it', () => told().length === 4)
  child.kill('SIGTERM')
  expect(await own.exit()).toBe(0)
  const words = ['READY=1', 'RELOADING=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']
  expect(told()).toEqual(words.map((word) => `/run/x ${word}`))
})

test('connections to Postgres that may run out are warned of, with the remedy', () => {
  expect(adviceOnPool(4, 4, 97)).toBeUndefined()
  expect(adviceOnPool(24, 4, 97)).toContain(
    'may open 101 connections to Postgres, which has 97: lower DATABASE_POOL',
  )
})
