// Programs of a product under the supervisor: kept alive, replaced, measured and ended as its own processes, and harming none of them.
import { afterEach, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { redisUrl } from '../support/services.ts'
import { copyCheckout, PRODUCT, startService, type Service, writeEnvFile } from '../support/supervised.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

let service: Service | undefined
let copy: string | undefined
afterEach(async () => {
  await service?.close()
  if (copy !== undefined) rmSync(copy, { recursive: true })
  service = copy = undefined
})

async function start(env: Record<string, string>, options: Parameters<typeof startService>[1] = {}) {
  const port = await freePort()
  service = await startService({ WEB_PROCESSES: '0', ECHO_PORT: String(port), ...env }, options)
  return { ...service, port }
}

const pidOf = (name: string) =>
  until(`${name} to be ready`, () => service?.processes('ready').find((one) => one.name === name)?.pid)

/** Says a line to the listener, and resolves with its reply; undefined: the connection ended without one. */
function say(port: number, line: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\n`))
    socket.on('error', () => {}).on('close', () => resolve(undefined))
    createInterface(socket)
      .on('error', () => {})
      .on('line', (reply) => {
        socket.destroy()
        resolve(reply)
      })
  })
}

/** The first so many words that the log says about a process, by their time: each process writes its lines a moment later. */
const stepsOf = (name: string, words: RegExp, count: number) =>
  until(`${count} of ${words}`, () => {
    const told = service?.lines(name).toSorted((a, b) => a.time.localeCompare(b.time)) ?? []
    const steps = told.flatMap(({ msg }) => words.exec(msg)?.[0] ?? [])
    return steps.length >= count ? steps.slice(0, count) : undefined
  })

/** What runs beside the programs, to be compared later. */
const others = () =>
  service
    ?.processes('ready')
    .filter(({ name }) => /^(server|worker)/.test(name))
    .map(({ name, pid, restarts }) => ({ name, pid, restarts }))

test('a program that is killed, blocked, throws or ends unasked is started again, and nothing beside it notices', async () => {
  const { port, lines, status } = await start({
    WEB_PROCESSES: '1',
    WORKER_PROCESSES: '1',
    ECHO_PROCESSES: '1',
    HARAKIRI_MS: '5000',
  })
  const before = others()
  expect(before?.map(({ name }) => name)).toEqual(['server 1', 'worker 1'])
  const ends: [line: string, reason: RegExp][] = [
    ['', /^was killed by SIGKILL/],
    ['block', /^was blocked for \d+ ms \(HARAKIRI_MS\)/],
    ['throw', /^ended with exit code 1/],
    ['return', /^ended with exit code 1/],
  ]
  for (const [line, reason] of ends) {
    const pid = await pidOf('echo 1')
    expect(await say(port, 'hello')).toBe('hello')
    if (line === '') process.kill(pid, 'SIGKILL')
    else void say(port, line)
    await until(`another one after "${line}"`, async () => (await pidOf('echo 1')) !== pid)
    expect(status()?.processes.find(({ name }) => name === 'echo 1')?.lastReason).toMatch(reason)
  }
  expect(await say(port, 'again')).toBe('again')
  expect(others()).toEqual(before)
  const told = await until('the log', () => lines('run() has ended before its signal fired')[0])
  expect(told).toMatchObject({ program: 'echo 1', level: 'error' })
  expect(lines('"msg":"echo listens"')[0]).toMatchObject({ program: 'echo 1', number: 1 })
})

test('a program past MAX_RSS_MB is replaced by one that is ready before it ends', async () => {
  const { port, pids } = await start({ ECHO_PROCESSES: '1', MAX_RSS_MB: '600' })
  const pid = await pidOf('echo 1')
  for (let i = 0; i < 6; i++) await say(port, 'leak')
  await until('another one', () => !pids().includes(pid))
  expect(await say(port, 'hello')).toBe('hello')
  const steps = await stepsOf('echo 1 (pid', /is ready|retires: MAX_RSS_MB, at \d+ MB/, 3)
  expect(steps).toEqual(['is ready', 'is ready', expect.stringContaining('retires')])
})

test('one that exits with 0 at once, or throws at boot, is started with growing pauses: it keeps nobody from starting', async () => {
  copy = copyCheckout()
  writeFileSync(join(copy, PRODUCT, 'echo.ts'), `throw new Error('nobody knows this release')\n`)
  writeFileSync(join(copy, PRODUCT, 'scribe.ts'), `export const run = () => process.exit(0)\n`)
  await start(
    { WEB_PROCESSES: '1', WORKER_PROCESSES: '1', ECHO_PROCESSES: '1', SCRIBE_PROCESSES: '1' },
    { folder: copy, untilReady: false },
  )
  const pausesOf = (name: string) =>
    until(`pauses of ${name}`, () => {
      const said = service?.lines(`${name} keeps dying`) ?? []
      const pauses = said.map(({ msg }) => Number(/in (\d+) ms/.exec(msg)?.[1]))
      return pauses.length >= 3 ? pauses.slice(0, 3) : undefined
    })
  expect(await pausesOf('echo 1')).toEqual([250, 500, 1000])
  expect(await pausesOf('scribe 1')).toEqual([250, 500, 1000])
  for (const name of ['server 1', 'worker 1']) await pidOf(name)
  expect(service?.lines('echo 1 (pid').at(-1)?.msg).toMatch(/died: [^]*nobody knows this release/)
  expect(others()?.map(({ name, restarts }) => [name, restarts])).toEqual([
    ['server 1', 0],
    ['worker 1', 0],
  ])
})

test('one that never says ready() is given up after BOOT_TIMEOUT_MS, and the log says why', async () => {
  copy = copyCheckout()
  writeFileSync(join(copy, PRODUCT, 'echo.ts'), `export const run = () => new Promise(() => {})\n`)
  await start({ ECHO_PROCESSES: '1', BOOT_TIMEOUT_MS: '3000' }, { folder: copy, untilReady: false })
  // On a busy machine it has not come to `run` each time.
  const told = await until('the log', () =>
    service?.lines('echo 1 (pid').find(({ msg }) => /died.*ready\(\)/.test(msg)),
  )
  expect(told.msg).toMatch(/died: did not get ready within 3000 ms \(it has not called ready\(\) yet\)$/)
})

test('one that ignores its signal is killed after DRAIN_MS, at a reload and at the end', async () => {
  const { port, child, exit, lines, reload } = await start({ ECHO_PROCESSES: '1', DRAIN_MS: '1500' })
  const pid = await pidOf('echo 1')
  await say(port, 'deaf')
  expect(await reload()).toMatchObject({ result: 'succeeded' })
  const told = await until('the log', () => lines(`echo 1 (pid ${pid}) is gone`)[0])
  expect(told.msg).toMatch(/is gone: did not drain within 1500 ms$/)
  await say(port, 'deaf')
  child.kill('SIGTERM')
  expect(await exit()).toBe(0)
  expect(lines('did not drain within 1500 ms').length).toBe(2)
})

test('a reload loses no line that was said to a listener: the new one is ready before the old one ends', async () => {
  const { port, reload, pids } = await start({ ECHO_PROCESSES: '2' })
  const before = pids()
  let [said, heard, isOver] = [0, 0, false]
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    while (!isOver) {
      const line = `${caller} says ${said++}`
      let reply: string | undefined
      // A connection that is closed before it was accepted has said nothing, and neither has "bye".
      do reply = await say(port, line)
      while (reply === undefined || reply === 'bye')
      expect(reply).toBe(line)
      heard++
      await Bun.sleep(10) // leaves the machine time for those who start
    }
  })
  await until('load', () => heard > 200)
  for (let i = 0; i < 2; i++) expect(await reload()).toMatchObject({ result: 'succeeded' })
  const since = heard
  await until('load on the new ones', () => heard > since + 200)
  isOver = true
  await Promise.all(callers)
  expect(heard).toBe(said)
  expect(pids().filter((pid) => before.includes(pid))).toEqual([])
  expect(await stepsOf('echo 1 (pid', /is ready|retires|is gone/, 7)).toEqual([
    'is ready',
    'is ready',
    'retires',
    'is gone',
    'is ready',
    'retires',
    'is gone',
  ])
})

test('a program with overlap: false never runs twice, and through reloads and kills reads its stream in order, each entry once', async () => {
  const { prefix, reload, lines } = await start({ SCRIBE_PROCESSES: '1' })
  const redis = new Redis(redisUrl())
  try {
    let sent = 0
    let isOver = false
    const producer = (async () => {
      while (!isOver) {
        await redis.xadd(`${prefix}stream`, '*', 'text', String(sent++))
        if (sent % 20 === 0) await Bun.sleep(20)
      }
    })()
    const written = () => redis.llen(`${prefix}written`)
    await until('the first entries', async () => (await written()) > 100)
    for (let i = 0; i < 2; i++) {
      const pid = await pidOf('scribe 1')
      expect(await reload()).toMatchObject({ result: 'succeeded' })
      expect(await pidOf('scribe 1')).not.toBe(pid)
    }
    const victim = await pidOf('scribe 1')
    process.kill(victim, 'SIGKILL')
    await until('another one', async () => (await pidOf('scribe 1')) !== victim)
    isOver = true
    await producer
    await until('all that was sent', async () => (await written()) >= sent)
    expect(await redis.lrange(`${prefix}written`, 0, -1)).toEqual(
      Array.from({ length: sent }, (_, i) => String(i)),
    )
    expect(lines('two at once')).toEqual([])
    const steps = await stepsOf('scribe 1', /retires|is gone|program ready/, 4)
    expect(steps).toEqual(['program ready', 'retires', 'is gone', 'program ready'])
  } finally {
    redis.disconnect()
  }
})

test('one with overlap: false that is killed while it waits for its turn is not started again before the old one is gone', async () => {
  const { prefix, reload, lines, processes } = await start({ SCRIBE_PROCESSES: '1', DRAIN_MS: '4000' })
  const redis = new Redis(redisUrl())
  try {
    await redis.xadd(`${prefix}stream`, '*', 'text', 'deaf')
    await until('it to be written', async () => (await redis.llen(`${prefix}written`)) === 1)
    const reloading = reload()
    await until('the old one to drain', () => processes('retiring').length === 1)
    const next = await until('the new one to wait', () => processes('standby')[0]?.pid)
    process.kill(next, 'SIGKILL')
    expect(await reloading).toMatchObject({ result: 'failed' })
    await pidOf('scribe 1')
    expect(lines('two at once')).toEqual([])
    const steps = await stepsOf('scribe 1', /died: was killed|is gone: did not drain|program ready/, 4)
    expect(steps).toEqual(['program ready', 'died: was killed', 'is gone: did not drain', 'program ready'])
  } finally {
    redis.disconnect()
  }
})

test('a release in which a program does not start fails the reload, and what ran before runs on, with overlap or without', async () => {
  copy = copyCheckout()
  const { port, reload } = await start({ ECHO_PROCESSES: '1', SCRIBE_PROCESSES: '1' }, { folder: copy })
  const pids = [await pidOf('echo 1'), await pidOf('scribe 1')]
  const files = ['echo.ts', 'scribe.ts'].map((name) => join(copy ?? '', PRODUCT, name))
  const [echo = '', scribe = ''] = files.map((file) => readFileSync(file, 'utf8'))
  writeFileSync(files[1] ?? '', `throw new Error('a broken scribe')\n`)
  const second = await reload()
  expect(second.result).toBe('failed')
  expect(second.reason).toMatch(
    /^scribe 1 [^]*a broken scribe[^]*; what ran before runs on, except in echo 1$/,
  )
  expect(await pidOf('scribe 1')).toBe(pids[1] ?? 0)
  expect(await pidOf('echo 1')).not.toBe(pids[0] ?? 0)

  // A fault after the old one has ended cannot be taken back: it is said, and started again until it succeeds.
  writeFileSync(
    files[1] ?? '',
    scribe.replace('  const blocking', `  throw new Error('too late')\n  const blocking`),
  )
  const third = await reload()
  expect(third.reason).toMatch(/^scribe 1 .*: too late; what ran before runs on, except in .*scribe 1$/)
  writeFileSync(files[1] ?? '', scribe)
  await pidOf('scribe 1')

  writeFileSync(files[0] ?? '', `export const walk = 1\n`)
  expect((await reload()).reason).toContain('the module of "echo" exports no function `run`')
  expect(await say(port, 'hello')).toBe('hello')
  writeFileSync(files[0] ?? '', echo)
  expect(await reload()).toMatchObject({ result: 'succeeded' })
})

test('a reload takes up new programs, counts and settings, to none and back, and refuses what is wrong', async () => {
  copy = copyCheckout()
  const list = join(copy, PRODUCT, 'programs.ts')
  const good = readFileSync(list, 'utf8')
  const port = String(await freePort())
  const { reload, processes, untilSteady } = await start(
    { WEB_PROCESSES: '1', ECHO_PORT: port },
    { folder: copy, envFile: () => ({}) },
  )
  await untilSteady()
  const names = () => processes().map(({ name }) => name)
  expect(names()).toEqual(['server 1'])
  writeEnvFile(copy, { ECHO_PROCESSES: '2' })
  writeFileSync(
    list,
    good.replace('] = [', `] = [{ name: 'second-1', processes: 1, module: () => import('./echo.ts') },`),
  )
  expect(await reload()).toMatchObject({ result: 'succeeded' })
  expect(names()).toEqual(['server 1', 'second-1 1', 'echo 1', 'echo 2'])

  writeEnvFile(copy, { ECHO_PROCESSES: '0' })
  writeFileSync(list, good)
  expect(await reload()).toMatchObject({ result: 'succeeded' })
  await until('none', () => names().join() === 'server 1')

  writeFileSync(
    list,
    good
      .replace(`name: 'echo'`, `name: 'worker'`)
      .replace(`name: 'scribe'`, `name: 'The Scribe'`)
      .replace('config.scribeProcesses', '1.5'),
  )
  const { result, reason } = await reload()
  expect(result).toBe('failed')
  expect(reason?.split('\n').map((line) => line.trim())).toEqual([
    expect.stringMatching(/^.*program.ts --list failed \(1\): programs.ts:$/),
    'program "worker": the service has processes of this name: take another',
    'program "The Scribe": a name has 1 to 30 lowercase letters, digits and dashes, the first a letter',
    'program "The Scribe": processes is 1.5, and must be a whole number from 0 to 1000; what ran before runs on',
  ])
  rmSync(list)
  expect((await reload()).reason).toMatch(/--list failed .*programs\.ts/s)
  expect(names()).toEqual(['server 1'])
  // As in a release of before there were programs.
  rmSync(join(copy, PRODUCT, 'program.ts'))
  expect(await reload()).toMatchObject({ result: 'succeeded' })
})

test('programs alone are a service, shown by the status and the metrics', async () => {
  const metricsPort = await freePort()
  const { processes, lines, child, exit } = await start({
    ECHO_PROCESSES: '1',
    SCRIBE_PROCESSES: '1',
    METRICS_PORT: String(metricsPort),
  })
  expect(processes().map(({ name, state }) => [name, state])).toEqual([
    ['echo 1', 'ready'],
    ['scribe 1', 'ready'],
  ])
  expect(await until('the log', () => lines('starting the service')[0])).toMatchObject({
    web: 0,
    programs: ['echo 1', 'scribe 1'],
  })
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  for (const series of ['process_ready{process="echo 1"} 1', 'process_restarts_total{process="scribe 1"} 0'])
    expect(text).toContain(series)
  expect(Number(/process_resident_memory_bytes\{process="echo 1"\} (\d+)/.exec(text)?.[1])).toBeGreaterThan(0)
  child.kill('SIGTERM')
  expect(await exit()).toBe(0)
  expect(lines('scribe has closed its book').length).toBe(1)
  expect(
    lines('is gone')
      .map(({ msg }) => msg.replace(/ \(pid \d+\)/, ''))
      .sort(),
  ).toEqual(['echo 1 is gone: ended with exit code 0', 'scribe 1 is gone: ended with exit code 0'])
})
