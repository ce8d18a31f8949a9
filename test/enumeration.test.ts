// Which emails have accounts is not told by asking for a new password: not by the answer, its duration, or the work.
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp, type TestApp } from './support/harness.ts'

const PAIRS = 400

const timed = async (app: TestApp, email: string) => {
  const began = performance.now()
  const { status, text } = await app.visitor().post('/api/password/forgot', { email })
  return { ms: performance.now() - began, said: `${status} ${text}` }
}

const medianOf = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

test('asking for a new password is the same for a known and an unknown email', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-enumeration-'))
  const log = join(folder, 'log')
  const app = await startApp({ LOG_LEVEL: 'info', LOG_SQL: 'on', LOG_FILE: log, LOG_FORMAT: 'json' })
  await app.member('editor', { email: 'known@example.com' })
  const known: number[] = []
  const unknown: number[] = []
  const said = new Set<string>()
  for (let i = 0; i < PAIRS; i++) {
    // Each goes first in half of the pairs.
    const order = [
      { email: 'known@example.com', into: known },
      { email: 'nobody@example.com', into: unknown },
    ]
    for (const { email, into } of i % 2 === 0 ? order : order.toReversed()) {
      const { ms, said: one } = await timed(app, email)
      into.push(ms)
      said.add(one)
    }
  }
  expect([...said]).toEqual(['202 {}'])
  const slower = known.filter((ms, i) => ms > (unknown[i] ?? NaN)).length
  process.stderr.write(
    `known ${medianOf(known).toFixed(2)} ms, unknown ${medianOf(unknown).toFixed(2)} ms (medians of ${PAIRS}); ` +
      `known was the slower one in ${slower} pairs\n`,
  )
  await app.close() // the log is written
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  rmSync(folder, { recursive: true })
  const asked = lines.findIndex((line) => line.includes('/api/password/forgot'))
  expect(asked).toBeGreaterThan(0)
  // No statement at all: whether there is an account a worker finds out, later.
  expect(lines.slice(asked).filter((line) => line.includes('"msg":"sql"'))).toEqual([])
})
