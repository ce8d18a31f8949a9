// Rolling reload: new code, dependencies and settings without a failed request, and never code that does not serve.
import { afterEach, expect, test } from 'bun:test'
import { readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { A_WHILE, startLoad } from '../support/load.ts'
import { copyCheckout, startService, type Service, writeEnvFile } from '../support/supervised.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

let service: Service | undefined
let copies: string[] = []
afterEach(async () => {
  await service?.close()
  for (const copy of copies) rmSync(copy, { recursive: true })
  service = undefined
  copies = []
})

const copied = () => {
  const copy = copyCheckout()
  copies.push(copy)
  return copy
}

test('a reload replaces every process, and no request fails', async () => {
  service = await startService({ WORKER_PROCESSES: '1' })
  const before = service.pids()
  const load = startLoad(service.url)
  await until('load', () => load.answered() > 500)
  expect(await service.reload()).toMatchObject({ number: 1, result: 'succeeded' })
  const since = load.answered()
  await until('load on the new processes', () => load.answered() > since + 500)
  expect((await load.stop()).failures).toEqual({})
  expect(service.pids().filter((pid) => before.includes(pid))).toEqual([])
  await until('the log', () => service?.lines('reload done')[0])
  const told = service.lines('').map(({ msg }) => msg)
  expect(told.filter((msg) => /retires|reload/.test(msg)).map((msg) => msg.replace(/\d+\)/, 'n)'))).toEqual([
    'reload begins',
    'server 1 (pid n) retires: reload',
    'server 2 (pid n) retires: reload',
    'worker 1 (pid n) retires: reload',
    'reload done',
  ])
})

test('touching RESTART reloads, too', async () => {
  const folder = copied()
  service = await startService({}, { folder })
  const restart = join(folder, 'RESTART')
  writeFileSync(restart, '')
  await until('the first reload', () => service?.status()?.reload?.result === 'succeeded')
  utimesSync(restart, new Date(), new Date(Date.now() + 5000))
  await until('the second reload', () => {
    const { number, result } = service?.status()?.reload ?? {}
    return number === 2 && result === 'succeeded'
  })
})

test('code and .env are read afresh, through the link that was given', async () => {
  const [first, second] = [copied(), copied()]
  const link = `${first}-current`
  symlinkSync(first, link)
  copies.push(link)
  const health = join(second, 'src/kit/system/health.ts')
  writeFileSync(health, readFileSync(health, 'utf8').replaceAll(`'ok'`, `'second'`))
  service = await startService(
    { WEB_PROCESSES: '1' },
    { folder: link, envFile: () => ({ API_LIST: 'on', HARAKIRI_MS: '9000' }) },
  )
  const { url } = service
  const status = async (path: string) =>
    (await fetch(url + path, { headers: { connection: 'close' } })).status
  expect(await status('/api/list')).toBe(200)

  writeEnvFile(second, { API_LIST: 'off' })
  symlinkSync(second, `${link}.new`)
  renameSync(`${link}.new`, link)
  expect(await service.reload()).toMatchObject({ result: 'succeeded' })
  expect(await status('/api/list')).toBe(404)
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'second' })
})

test('settings of the supervisor, and files of settings, are read afresh as well: the number of processes may change', async () => {
  const folder = copied()
  service = await startService({}, { folder, envFile: () => ({ WEB_PROCESSES: '2' }) })
  const secret = join(folder, 'web-processes')
  writeFileSync(secret, '3\n')
  writeEnvFile(folder, { WEB_PROCESSES_FILE: secret })
  expect((await service.reload()).result).toBe('succeeded')
  await until('three', () => service?.processes('ready').length === 3)
  writeFileSync(secret, '1\n')
  expect((await service.reload()).result).toBe('succeeded')
  await until('one', () => service?.processes().length === 1)
  writeEnvFile(folder, { WEB_PROCESSES: 'many' })
  const failed = await service.reload()
  expect(failed.result).toBe('failed')
  expect(failed.reason).toContain('WEB_PROCESSES="many" must be a whole number')
  expect(service.processes('ready').length).toBe(1)
})

test('a reload to a port that is taken, or to any free one, fails: what serves stays where it is', async () => {
  const folder = copied()
  const port = await freePort()
  service = await startService({}, { folder, envFile: () => ({ PORT: String(port) }) })
  const before = service.pids()
  // As another service of this kind does: it would share its port with ours unawares.
  const other = Bun.serve({ hostname: '127.0.0.1', port: 0, reusePort: true, fetch: () => new Response() })
  try {
    writeEnvFile(folder, { PORT: String(other.port) })
    const taken = await service.reload()
    expect([taken.result, taken.reason]).toEqual(['failed', expect.stringContaining('is taken')])
  } finally {
    await other.stop(true)
  }
  writeEnvFile(folder, { PORT: '0' })
  const any = await service.reload()
  expect([any.result, any.reason]).toEqual(['failed', expect.stringContaining('PORT=0')])
  expect(service.pids()).toEqual(before)
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
})

test('after a reload that failed the status names the port that is served, and one back to it succeeds', async () => {
  const folder = copied()
  const [port, other] = [await freePort(), await freePort()]
  const entry = join(folder, 'test/kit/product/server.ts')
  const code = readFileSync(entry, 'utf8')
  service = await startService(
    { WEB_PROCESSES: '1' },
    { folder, envFile: () => ({ PORT: String(port), NODE_ENV: 'development' }) },
  )
  writeEnvFile(folder, { PORT: String(other), NODE_ENV: 'production', APP_URL: 'https://api.example.com' })
  writeFileSync(entry, `throw new Error('a broken release')\n`)
  expect((await service.reload()).result).toBe('failed')
  expect(service.status()).toMatchObject({ port, mode: 'development' })

  writeEnvFile(folder, { PORT: String(port) })
  writeFileSync(entry, code)
  expect(await service.reload()).toMatchObject({ result: 'succeeded' })
  expect(service.status()?.port).toBe(port)
})

test('a RESTART that cannot be looked at is no reason to end', async () => {
  const folder = copied()
  service = await startService({}, { folder })
  symlinkSync('RESTART', join(folder, 'RESTART'))
  const since = service.status()?.startedAt
  // The reload that waits for its end has given the supervisor time to look.
  expect(await service.reload()).toMatchObject({ result: 'succeeded' })
  rmSync(join(folder, 'RESTART'))
  writeFileSync(join(folder, 'RESTART'), '')
  await until('the next reload', () => service?.status()?.reload?.number === 2)
  expect(service.status()?.startedAt).toBe(since)
  await service.untilSteady()
})

test('a reload that fails half way says who runs the new code', async () => {
  const folder = copied()
  service = await startService({ WEB_PROCESSES: '1', WORKER_PROCESSES: '1' }, { folder })
  const before = service.processes()
  writeFileSync(join(folder, 'test/kit/product/worker.ts'), `throw new Error('a broken release')\n`)
  const reload = await service.reload()
  expect(reload.result).toBe('failed')
  expect(reload.reason).toMatch(/a broken release[^]*; what ran before runs on, except in server 1$/)
  await service.untilSteady()
  const kept = before.filter(({ pid }) => service?.pids().includes(pid))
  expect(kept.map(({ name }) => name)).toEqual(['worker 1'])
})

const NOWHERE = 'postgres://nobody:secret@127.0.0.1:1/nothing'

test.each<[what: string, spoil: (folder: string) => Record<string, string> | void, reason: RegExp]>([
  [
    'that throws at boot',
    (folder) =>
      writeFileSync(join(folder, 'test/kit/product/server.ts'), `throw new Error('a broken release')\n`),
    /a broken release/,
  ],
  [
    'that hangs at boot',
    (folder) =>
      writeFileSync(
        join(folder, 'test/kit/product/server.ts'),
        'setInterval(() => {}, 1000)\nawait new Promise(() => {})\n',
      ),
    /did not get ready within \d+ ms/,
  ],
  [
    'that cannot reach Postgres',
    () => ({ DATABASE_URL: NOWHERE }),
    /did not get ready within \d+ ms \(.*(ECONNREFUSED|CONNECT)/,
  ],
])(
  'a reload to code %s: the old processes serve on, no request fails, and the log says why',
  async (_, spoil, reason) => {
    const folder = copied()
    service = await startService(
      {},
      { folder, envFile: (databaseUrl) => ({ DATABASE_URL: databaseUrl, BOOT_TIMEOUT_MS: '120000' }) },
    )
    const before = service.pids()
    const ready = await until('the log', () => service?.lines(' is ready').at(1))
    // A busy machine is given the time to come to what is wrong.
    const bootMs = Math.max(4000, 4 * Number(ready.ms))
    const load = startLoad(service.url, { connections: 8, path: A_WHILE })
    await until('load', () => load.answered() > 100)
    const file = { DATABASE_URL: service.databaseUrl, BOOT_TIMEOUT_MS: String(bootMs) }
    writeEnvFile(folder, { ...file, ...spoil(folder) })
    const reload = await service.reload()
    expect(reload.result).toBe('failed')
    expect(reload.reason).toMatch(reason)
    const since = load.answered()
    await until('load after it', () => load.answered() > since + 100)
    expect((await load.stop()).failures).toEqual({})
    expect(service.pids()).toEqual(before)
    const told = await until('the log', () => service?.lines('reload FAILED: ')[0])
    expect(told.msg).toMatch(reason)
    expect(told.msg).toEndWith('; what ran before runs on')
  },
)
