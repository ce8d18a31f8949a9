// `npm run dev`: the screen that says what runs where, and tests that run after an edit.
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { screenOf } from '../../../scripts/dev/screen.ts'
import { testOnChange } from '../../../scripts/dev/test-on-change.ts'
import { loadConfig } from '../../../src/config.ts'
import { until } from '../support/until.ts'

test('the screen names pages, services, processes and migrations, and no password', () => {
  const config = loadConfig({
    DATABASE_URL: 'postgres://me:secret-1@127.0.0.1:5433/club',
    REDIS_URL: 'redis://:secret-2@127.0.0.1:6380/2',
  })
  const screen = screenOf(config, 'http://localhost:8100', [{ entry: 'src/server.ts', process: { pid: 17 } }])
  for (const part of [
    'http://localhost:8100/api/list',
    '127.0.0.1:5433/club',
    '127.0.0.1:6380/2',
    '17  src/server.ts',
  ])
    expect(screen).toContain(part)
  expect(screen).toMatch(/applied up to drizzle\/\S+\.sql/)
  expect(screen).not.toContain('secret')
})

test('the screen names each of several hosts', () => {
  const config = loadConfig({
    DATABASE_URL: 'postgres://me:secret-1@one:5432,two:5433/club',
    REDIS_URL: 'redis+sentinel://:secret-2@three:26379,four:26379/mymaster?sentinel=secret-3',
  })
  const screen = screenOf(config, 'http://localhost:8100', [])
  for (const part of ['one:5432,two:5433/club', 'three:26379,four:26379/mymaster'])
    expect(screen).toContain(part)
  expect(screen).not.toContain('secret')
})

test('an edit of code runs the tests, and one during a run is followed by one more', async () => {
  const root = mkdtempSync(join(tmpdir(), 'dev-test-'))
  mkdirSync(join(root, 'src'))
  const log = join(root, 'runs')
  const gate = join(root, 'gate')
  writeFileSync(log, '')
  const command = ['sh', '-c', `echo run >> '${log}'; while [ ! -e '${gate}' ]; do sleep 0.02; done`]
  const { close } = testOnChange({ folders: ['src'], command, root })
  const runs = () => readFileSync(log, 'utf8').split('run').length - 1
  const edit = (file: string) => writeFileSync(join(root, 'src', file), String(Math.random()))
  /** An edit each second until it has been seen: the watch may begin a moment later. */
  const untilRuns = (count: number, file: string) => {
    let last = -Infinity
    return until(`run ${count}`, () => {
      if (performance.now() - last > 1000) {
        last = performance.now()
        edit(file)
      }
      return runs() >= count
    })
  }
  try {
    await untilRuns(1, 'a.ts')
    edit('b.ts')
    writeFileSync(gate, '')
    await untilRuns(2, 'b.ts')
  } finally {
    close()
    rmSync(root, { recursive: true })
  }
})
