// package.json, package-lock.json and bun.lock agree, and `npm run check` would tell if they did not.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { findLockfileFaults } from '../../../scripts/lockfiles.ts'

const ROOT = join(import.meta.dir, '../../..')

/** What is found when `before` reads `after` in one file of a copy. */
function faultsAfter(file: string, before: RegExp, after: string): string[] {
  const copy = mkdtempSync(join(tmpdir(), 'restbun-lockfiles-'))
  try {
    for (const name of ['package.json', 'package-lock.json', 'bun.lock']) {
      cpSync(join(ROOT, name), join(copy, name))
    }
    const text = readFileSync(join(copy, file), 'utf8')
    expect(text).toMatch(before)
    writeFileSync(join(copy, file), text.replace(before, after))
    return findLockfileFaults(copy)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

test('the lockfiles agree', () => {
  expect(findLockfileFaults(ROOT)).toEqual([])
})

test('a dependency that no lockfile knows is told, for each', () => {
  const found = faultsAfter('package.json', /"zod":/, '"left-out": "1.0.0", "zod":')
  expect(found.map((fault) => fault.split(' ')[0])).toEqual(['package-lock.json', 'bun.lock'])
  expect(found[0]).toContain('left-out not at all, package.json 1.0.0: run `npm install')
})

test('another version in package.json is told, for each lockfile', () => {
  expect(faultsAfter('package.json', /("zod": )"[^"]+"/, '$1"0.0.1"')).toHaveLength(2)
})

test('a package that the lockfiles lock at two versions is told', () => {
  const [fault, ...others] = faultsAfter('bun.lock', /\["zod@[^"]+"/, '["zod@0.0.1"')
  expect(fault).toContain('bun.lock at zod@0.0.1')
  expect(others).toEqual([])
})
