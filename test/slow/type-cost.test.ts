// The type checker's work on 100 routes stays within one and a half times that of plain Hono.
import { expect, test } from 'bun:test'
import { join } from 'node:path'

test('a hundred routes cost the type checker little more than in plain Hono', () => {
  // Counted in instantiations, which are the same on every machine.
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    [process.execPath, join(import.meta.dir, '../../scripts/bench/types/run.ts'), '1'],
    { env: process.env },
  )
  expect([exitCode, stderr.toString()]).toEqual([0, ''])
  expect(stdout.toString()).toMatch(/^ours \/ plain: [01]\.\d\d in instantiations/m)
}, 120_000)
