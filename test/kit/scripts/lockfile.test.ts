// package.json and package-lock.json agree, `npm run check` would tell if they did not, and bun installs by it as npm does.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { findLockfileFaults } from '../../../scripts/lockfile.ts'

const ROOT = join(import.meta.dir, '../../..')

/** A folder with what an install goes by. */
function withCopy<T>(use: (copy: string) => T): T {
  const copy = mkdtempSync(join(tmpdir(), 'restbun-lockfile-'))
  try {
    for (const name of ['package.json', 'package-lock.json', 'bunfig.toml'])
      cpSync(join(ROOT, name), join(copy, name))
    return use(copy)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

function change(file: string, before: RegExp, after: string): void {
  const text = readFileSync(file, 'utf8')
  expect(text).toMatch(before)
  writeFileSync(file, text.replace(before, after))
}

const faultsAfter = (before: RegExp, after: string) =>
  withCopy((copy) => {
    change(join(copy, 'package.json'), before, after)
    return findLockfileFaults(copy)
  })

test('they agree', () => {
  expect(findLockfileFaults(ROOT)).toEqual([])
})

test('a dependency that the lockfile does not know is told', () => {
  expect(faultsAfter(/"zod":/, '"left-out": "1.0.0", "zod":')).toEqual([
    'package-lock.json has left-out not at all, package.json 1.0.0: run `npm install --package-lock-only`',
  ])
})

test('so is another version, and one that is gone', () => {
  expect(faultsAfter(/("zod": )"[^"]+"/, '$1"0.0.1"')).toHaveLength(1)
  expect(faultsAfter(/"hono": "[^"]+",/, '')).toHaveLength(1)
})

test('a lockfile of bun beside it is told', () => {
  const found = withCopy((copy) => {
    writeFileSync(join(copy, 'bun.lock'), '{}')
    return findLockfileFaults(copy)
  })
  expect(found).toEqual([expect.stringContaining('delete it')])
})

/** Nothing is fetched: it only says what it would install. */
const bunInstall = (cwd: string, ...options: string[]) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, 'install', '--dry-run', ...options], {
    cwd,
  })
  return { code: exitCode, said: stdout.toString() + stderr.toString() }
}

test('bun installs by package-lock.json, writes no lockfile of its own, and refuses one that is out of date', () => {
  withCopy((copy) => {
    const { packages } = JSON.parse(readFileSync(join(copy, 'package-lock.json'), 'utf8'))
    const { code, said } = bunInstall(copy, '--frozen-lockfile')
    expect([code, said]).toEqual([0, expect.stringContaining('migrated lockfile from package-lock.json')])
    expect(said).toContain(`standard-as-callback@${packages['node_modules/standard-as-callback'].version}\n`)
    expect(bunInstall(copy).code).toBe(0)
    expect(existsSync(join(copy, 'bun.lock'))).toBe(false)
    change(join(copy, 'package.json'), /("zod": )"[^"]+"/, '$1"0.0.1"')
    expect(bunInstall(copy, '--frozen-lockfile').code).toBe(1)
  })
})
