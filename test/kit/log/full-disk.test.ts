// A full disk ends neither the log nor the service: all goes on when there is room again, and what was lost is counted.
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../../src/kit/types/log.ts'
import { SyslogSink } from '../../../src/kit/log/syslog.ts'
import { Scoreboard } from '../../../src/kit/process/scoreboard.ts'
import { keepStatus, type Status } from '../../../src/kit/process/status.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-full-'))
const disk: SmallDisk | undefined = mountSmallDisk(64)
// oxlint-disable-next-line no-console -- what is not shown is to be said
if (disk === undefined) console.log('full-disk.test.ts: nothing can be mounted here, most of it is skipped')
afterAll(() => {
  disk?.remove()
  rmSync(folder, { recursive: true })
})

/** A process that logs as many lines as each line of its input says. SIGUSR2 opens its LOG_FILE again. */
function startLogger(stdout: string, file: string) {
  const options = { level: 'info', format: 'json', file, syslog: undefined, sql: false, redact: [] }
  const code = `
    import { createLog } from ${JSON.stringify(join(import.meta.dir, '../../../src/kit/log/log.ts'))}
    const log = createLog(${JSON.stringify(options)}, 'test')
    process.on('SIGUSR2', () => log.reopen())
    let n = 0
    for await (const line of console) {
      for (let i = 0; i < Number(line); i++) log.info(\`line \${n++} \${'x'.repeat(100)}\`)
      await Bun.write(Bun.stderr, 'logged\\n')
    }`
  const child = Bun.spawn([process.execPath, '-e', code], {
    stdin: 'pipe',
    stdout: Bun.file(stdout),
    stderr: 'pipe',
  })
  let said = ''
  void (async () => {
    for await (const chunk of child.stderr) said += new TextDecoder().decode(chunk)
  })()
  let asked = 0
  return {
    child,
    async log(lines: number) {
      void child.stdin.write(`${lines}\n`)
      void child.stdin.flush()
      asked++
      await until('the lines to be logged', () => said.split('logged').length - 1 === asked)
    },
    async end() {
      void child.stdin.end()
      await child.exited
    },
  }
}

interface Message {
  msg: string
  lines?: number
  to?: string
}

/** Whole lines, and how many are not: the disk was full in the middle of one. */
function read(path: string): { messages: Message[]; torn: number } {
  const messages: Message[] = []
  let torn = 0
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    if (line === '') continue
    if (line.endsWith('}')) messages.push(JSON.parse(line))
    else torn++
  }
  return { messages, torn }
}
const numbers = (path: string) =>
  read(path)
    .messages.flatMap(({ msg }) => /^line (\d+)/.exec(msg)?.[1] ?? [])
    .map(Number)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

describe.skipIf(disk === undefined)('a log on a disk that is full', () => {
  const at = (name: string) => join(disk?.path ?? '', name)

  test('goes on when there is room, and no line is lost that could be kept', async () => {
    const [stdout, file] = [at('kept.out'), at('kept.log')]
    const logger = startLogger(stdout, file)
    await logger.log(10)
    await until('the first lines', () => numbers(stdout).length === 10)
    disk?.fill()
    for (let i = 0; i < 5; i++) await logger.log(200)
    disk?.free()
    await logger.log(10)
    for (const path of [stdout, file]) {
      await until('the last line', () => readFileSync(path, 'utf8').includes('line 1019 '))
      expect(numbers(path)).toEqual(upTo(1020))
      expect(read(path).torn).toBeLessThanOrEqual(1)
    }
    await logger.end()
  })

  test('that several processes write to keeps the lines of each whole', async () => {
    const file = at('shared.log')
    const loggers = Array.from({ length: 3 }, (_, i) => startLogger(at(`shared${i}.out`), file))
    await Promise.all(loggers.map((logger) => logger.log(10)))
    disk?.fill()
    for (let i = 0; i < 5; i++) await Promise.all(loggers.map((logger) => logger.log(100)))
    disk?.free()
    await until('all lines', () => numbers(file).length === 3 * 510)
    expect(numbers(file).toSorted((a, b) => a - b)).toEqual(upTo(510).flatMap((n) => [n, n, n]))
    await Promise.all(loggers.map((logger) => logger.end()))
  })

  test('counts what was more than can be kept, and says so when there is room', async () => {
    const [stdout, file] = [at('lost.out'), at('lost.log')]
    const logger = startLogger(stdout, file)
    disk?.fill()
    const total = 60_000 // some 12 MB, of which 4 are kept
    for (let i = 0; i < 6; i++) await logger.log(total / 6)
    disk?.free()
    for (const [path, to] of [
      [stdout, 'stdout'],
      [file, 'LOG_FILE'],
    ] as const) {
      const told = await until('the count', () =>
        read(path).messages.find(({ msg, to: of }) => msg === 'log lines were lost' && of === to),
      )
      const kept = numbers(path)
      expect(kept.length).toBeGreaterThan(10_000)
      // The news that the other one has lost lines may have been lost as well.
      expect([total, total + 1]).toContain(kept.length + (told.lines ?? 0))
      expect(kept).toEqual(upTo(kept.length))
    }
    await logger.end()
  })

  test('ends a process no later', async () => {
    const logger = startLogger(at('end.out'), at('end.log'))
    disk?.fill()
    await logger.log(10)
    await logger.end()
    disk?.free()
    expect(logger.child.exitCode).toBe(0)
  })
})

test('a log file that was full loses nothing when it is opened again elsewhere', async () => {
  const [stdout, file] = [join(folder, 'reopened.out'), join(folder, 'reopened.log')]
  symlinkSync('/dev/full', file)
  const logger = startLogger(stdout, file)
  await logger.log(1000)
  await until('the lines in the other sink', () => existsSync(stdout) && numbers(stdout).length === 1000)
  rmSync(file)
  logger.child.kill('SIGUSR2')
  await until('all lines', () => existsSync(file) && numbers(file).length === 1000)
  expect(numbers(file)).toEqual(upTo(1000))
  await logger.end()
})

test('stdout that is full for ever ends no process, and keeps nothing from the file', async () => {
  const file = join(folder, 'beside.log')
  const logger = startLogger('/dev/full', file)
  await logger.log(1000)
  await logger.end()
  expect(logger.child.exitCode).toBe(0)
  expect(numbers(file)).toEqual(upTo(1000))
})

test('syslog lines that could not be sent are counted, and told at the next one that is', async () => {
  const heard: string[] = []
  const server = await Bun.udpSocket({
    hostname: '127.0.0.1',
    socket: { data: (_, bytes) => void heard.push(String(bytes)) },
  })
  const lost: number[] = []
  const sink = new SyslogSink(`udp://127.0.0.1:${server.port}`, 'test', (lines) => void lost.push(lines))
  // All before the address is known.
  for (let i = 0; i < 1234; i++) sink.write('info', '2026-11-25T00:00:00.000Z', `line ${i}`)
  await until('the count', () => lost.length > 0)
  expect(lost).toEqual([234])
  await until('a line', () => heard.some((line) => line.includes('line 0')))
  await sink.close()
  server.close()
})

describe.skipIf(disk === undefined)('a supervisor on a disk that is full', () => {
  const path = disk?.path ?? ''
  const logged: string[] = []
  const write = (message: string) => void logged.push(message)
  const log: Log = { debug: write, info: write, warn: write, error: write }

  test('says once that its status cannot be written, and writes it when there is room', async () => {
    const file = join(path, 'supervisor.json')
    const status = (port: number): Status => {
      const about = { pid: process.pid, version: '1', mode: 'test', startedAt: 1, boards: '', processes: [] }
      return { ...about, port }
    }
    let port = 1
    const { write: writeNow, stop } = keepStatus(path, () => status(port), log)
    writeNow()
    disk?.fill()
    port = 2
    writeNow()
    writeNow()
    expect(JSON.parse(readFileSync(file, 'utf8')).port).toBe(1)
    expect(logged).toEqual(['the status cannot be written; trying again'])
    disk?.free()
    await until('the status', () => JSON.parse(readFileSync(file, 'utf8')).port === 2)
    stop()
    expect(logged).toEqual(['the status cannot be written; trying again', 'the status is written again'])
  })

  test('makes no half scoreboard, and a whole one when there is room', () => {
    const board = join(path, 'board')
    disk?.fill()
    expect(() => Scoreboard.create(board)).toThrow('ENOSPC')
    expect(existsSync(board)).toBe(false)
    disk?.free()
    expect(Scoreboard.create(board).progress).toBe('booting')
  })
})
