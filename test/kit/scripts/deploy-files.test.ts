// What a deploy installs on a server: the unit is valid and locked down, the log rotates, the set-up tells what it does.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config.ts'
import {
  createDatabase,
  deletePrefix,
  serverEnv,
  type TestDatabase,
  uniquePrefix,
} from '../support/services.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dir, '../../..')
const DEPLOY = join(ROOT, 'scripts/deploy')
const read = (file: string) => readFileSync(join(DEPLOY, file), 'utf8')
const find = (program: string) => {
  const found = Bun.which(program, { PATH: `${process.env.PATH ?? ''}:/usr/sbin` })
  if (!found)
    process.stderr.write(`SKIPPED: a test of a deploy's files, because ${program} is not installed\n`)
  return found
}
const systemdAnalyze = find('systemd-analyze')
const logrotate = find('logrotate')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restbun-deploy-files-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function run(command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command)
  return { code: exitCode, said: stdout.toString() + stderr.toString() }
}

/** The unit as it is installed, for a folder that exists. */
function writeUnit(): string {
  const base = join(folder, 'srv')
  mkdirSync(join(base, 'current/bin'), { recursive: true })
  if (!existsSync(join(base, 'current/bin/bun'))) copyFileSync('/bin/true', join(base, 'current/bin/bun'))
  const unit = join(folder, 'restbun.service')
  writeFileSync(unit, read('systemd.service').replaceAll('/srv/myapp', base))
  return unit
}

test.skipIf(!systemdAnalyze)('systemd finds no fault with the unit', () => {
  const result = run([systemdAnalyze ?? '', 'verify', '--recursive-errors=yes', writeUnit()])
  expect(result).toEqual({ code: 0, said: '' })
})

test.skipIf(!systemdAnalyze)('systemd calls its exposure OK, or better', () => {
  const { said } = run([systemdAnalyze ?? '', 'security', '--offline=yes', '--no-pager', writeUnit()])
  const exposure = /Overall exposure level for restbun\.service: ([\d.]+)/.exec(said)?.[1]
  expect(Number(exposure)).toBeLessThan(5)
})

test('systemd waits longer than the supervisor takes to start and to drain', () => {
  const seconds = (setting: string) =>
    Number(new RegExp(`^${setting}=(\\d+)$`, 'm').exec(read('systemd.service'))?.[1])
  const { processes } = loadConfig({ DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x' })
  expect(seconds('TimeoutStartSec') * 1000).toBeGreaterThan(processes.bootTimeoutMs)
  expect(seconds('TimeoutStopSec') * 1000).toBeGreaterThan(processes.drainMs)
})

test.skipIf(!logrotate)('a rotation loses no line, and old logs are removed for their age', async () => {
  const logs = join(folder, 'log')
  mkdirSync(logs)
  const database: TestDatabase = await createDatabase()
  const prefix = uniquePrefix()
  const file = join(logs, 'app.log')
  const server = Bun.spawn([process.execPath, 'src/server.ts'], {
    cwd: ROOT,
    env: { ...serverEnv(database.url, prefix), LOG_FILE: file },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    const text = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
    const url = await until('the server', () => /listening on (http\S+)\//.exec(text(file))?.[1])
    const ask = async (path: string) => void (await fetch(url + path))
    await ask('/before')
    await until('the line', () => text(file).includes('/before'))

    const ancient = join(logs, 'app.log-20200101-1577836800.gz')
    writeFileSync(ancient, '')
    utimesSync(ancient, 1_577_836_800, 1_577_836_800)
    const config = join(folder, 'logrotate.conf')
    const adapted = read('logrotate.conf')
      .replaceAll('/srv/myapp/shared/log', logs)
      .replace(/^ *su .*\n/m, '')
      .replace(/^ *systemctl .*$/m, `kill -USR2 ${server.pid}`)
    writeFileSync(config, adapted, { mode: 0o644 })
    const rotated = run([logrotate ?? '', '--force', '--state', join(folder, 'state'), config])
    expect(rotated).toEqual({ code: 0, said: '' })

    await until('the new file', () => existsSync(file))
    await ask('/after')
    await until('the line', () => text(file).includes('/after'))
    const old = readdirSync(logs).filter((name) => name !== 'app.log')
    expect(old).toHaveLength(1)
    expect(text(join(logs, old[0] ?? ''))).toContain('/before')
    expect(text(file)).not.toContain('/before')
  } finally {
    server.kill('SIGTERM')
    await server.exited
    await deletePrefix(prefix)
    await database.drop()
  }
})

test('the dry run of a set-up tells all that it would do, and does none of it', () => {
  const base = join(folder, 'dry')
  const { code, said } = run(['sh', join(DEPLOY, 'setup.sh'), 'myapp', base, 'dry', DEPLOY])
  expect(code).toBe(0)
  for (const part of [
    'useradd',
    `${base}/releases`,
    '/etc/systemd/system/myapp.service',
    '/etc/sysctl.d/60-myapp.conf',
  ]) {
    expect(said).toContain(part)
  }
  for (const part of ['createuser myapp', 'createdb --owner=myapp', 'noeviction', 'requirepass '])
    expect(said).toContain(part)
  expect(existsSync(base)).toBe(false)
})

test.each([
  'scripts/deploy/initdb.sh',
  'scripts/deploy/server.sh',
  'scripts/deploy/setup.sh',
  'test/slow/image.sh',
])('%s is a script that its shell can read', (path) => {
  const shell = /^#!.*\b(sh|bash)$/m.exec(readFileSync(join(ROOT, path), 'utf8'))?.[1] ?? ''
  expect(run([shell, '-n', join(ROOT, path)])).toEqual({ code: 0, said: '' })
})
