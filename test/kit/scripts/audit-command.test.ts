// `npm run audit`: says whether the seals hold, and writes a range of the trail.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { seal } from '../../../src/kit/audit/seals.ts'
import { runCommand } from '../support/command.ts'
import { startApp, type TestApp } from '../../support/harness.ts'

let app: TestApp
beforeEach(async () => {
  app = await startApp()
})
afterEach(() => app.close())

const audit = (...args: string[]) => runCommand('audit', args, app.config)

test('verify fails once a sealed event is another, and says between which moments', async () => {
  const { db } = app.deps
  await db.execute(sql`insert into audit_events (at, action)
    select now() - interval '2 hours' + n * interval '1 second', 'note.read' from generate_series(1, 3) n`)
  await seal(app.deps, 60)
  const [last] = await db.execute<{ digest: string }>(sql`select digest from audit_seals where number = 1`)
  const holds = await audit('verify')
  expect([holds.code, holds.err]).toEqual([0, ''])
  expect(holds.out).toContain(`3 events since -infinity are as they were sealed. Seal 1: ${last?.digest}`)
  await db.execute(sql`alter table audit_events disable trigger user`)
  await db.execute(sql`update audit_events set action = 'note.written' where id = 2`)
  const broken = await audit('verify')
  expect([broken.code, broken.out]).toEqual([1, ''])
  expect(broken.err).toMatch(/^seal 1, from -infinity until .*: other events than were sealed \(3, not 3\)/)
})

test('export writes the lines of a range, and a wrong moment is wrong usage', async () => {
  const { db } = app.deps
  await db.execute(sql`insert into audit_events (at, action)
    select timestamptz '2025-01-01 00:00:00Z' + n * interval '1 minute', 'note.read' from generate_series(0, 500) n`)
  const { out, err, code } = await audit(
    'export',
    '--from',
    '2025-01-01T01:00:00Z',
    '--to',
    '2025-01-01T08:00:00Z',
  )
  expect([code, err]).toEqual([0, ''])
  const lines = out.trimEnd().split('\n')
  expect(lines.length).toBe(7 * 60)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ at: '2025-01-01T01:00:00.000000Z', action: 'note.read' })
  expect((await audit('export', '--from', 'lately', '--to', '2025-01-01')).code).toBe(2)
})
