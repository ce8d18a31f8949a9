// Where lines go: a file that may be rotated, standard output, and no end that loses one.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/until.ts'
import { program, run } from '../support/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-log-'))

afterAll(() => rmSync(folder, { recursive: true }))

const has = (path: string, text: string) =>
  until(`${text} in ${path}`, () => Bun.file(path).size > 0 && readFileSync(path, 'utf8').includes(text))

describe('the log file', () => {
  test('is created unreadable to others, goes on in a new file after a rotation, and loses nothing', async () => {
    const file = join(folder, 'rotated.log')
    await using child = Bun.spawn(
      [
        process.execPath,
        '-e',
        program(
          `
        process.on('SIGUSR2', () => { log.reopen(); log.info('after') })
        log.info('before'); log.flush()
        setInterval(() => {}, 1000)`,
          { file },
        ),
      ],
      { stdout: 'ignore' },
    )
    await has(file, 'before')
    expect(statSync(file).mode & 0o137).toBe(0)
    renameSync(file, `${file}.1`)
    child.kill('SIGUSR2')
    await has(file, 'after')
    child.kill()
    await child.exited
    expect(readFileSync(`${file}.1`, 'utf8').trim().split('\n')).toHaveLength(1)
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1)
  })

  test('in a folder that does not exist fails the start and says what to do', async () => {
    const file = join(folder, 'no-such-folder', 'app.log')
    const { err, exitCode } = await run('', { file })
    expect(exitCode).toBe(1)
    expect(err).toContain(
      `LOG_FILE=${file} cannot be opened: the folder ${join(folder, 'no-such-folder')} does not exist`,
    )
  })
})

const messages = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).msg)
    .filter((msg) => msg !== 'last')

describe('no line is lost', () => {
  const many = 'for (let i = 0; i < 20_000; i++) log.info(`line ${i}`)'
  const expected = Array.from({ length: 20_000 }, (_, i) => `line ${i}`)

  test.each([
    ['at the natural end', '', 0],
    ['at process.exit', 'process.exit(3)', 3],
    [
      'at an uncaught error',
      'setTimeout(() => { log.info("last"); throw new Error("nobody catches it") })',
      1,
    ],
    ['at an unhandled rejection', 'void Promise.reject(new Error("nobody catches it"))', 1],
    ['when the log is closed', 'await log.close()', 0],
  ])('%s', async (_, end, exitCode) => {
    const file = join(folder, `lost-${exitCode}-${end.length}.log`)
    const result = await run(`${many}\n${end}`, { file })
    expect(result.exitCode).toBe(exitCode)
    expect(messages(result.out)).toEqual(expected)
    expect(messages(readFileSync(file, 'utf8'))).toEqual(expected)
    if (end.includes('last')) expect(result.out).toContain('"msg":"last"')
  })

  test('and a reader of stdout that goes away does not take the process with it', async () => {
    const file = join(folder, 'closed-pipe.log')
    const shell = `"$0" -e "$1" | head -c 1 >/dev/null`
    const code = program(
      `${many}; log.flush(); await Bun.sleep(0); ${many}; log.flush(); log.info('survived')`,
      { file },
    )
    await Bun.spawn(['sh', '-c', shell, process.execPath, code], { stderr: 'inherit' }).exited
    const text = await until('the last line', () => {
      const written = readFileSync(file, 'utf8')
      return written.includes('survived') ? written : undefined
    })
    expect(text.trim().split('\n')).toHaveLength(40_001)
  })
})
