// The audit trail: what it tells, to whom, for how long, and that it cannot be changed unseen.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { recordEvent } from '../src/account/audit.ts'
import { NOBODY } from '../src/account/queries.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('an event is neither changed nor deleted', async () => {
  const { db } = app.deps
  await recordEvent({ command: 'root' }, db, { action: 'role.changed', account: NOBODY })
  const refused = (error: Error) => String(error.cause)
  const update = db.update(auditEvents).set({ by: 'command ann' })
  expect(await update.then(() => '', refused)).toContain('append only')
  expect(await db.delete(auditEvents).then(() => '', refused)).toContain('append only')
  expect(await db.select().from(auditEvents)).toMatchObject([{ by: 'command root', account: NOBODY }])
})

test('a change that is rolled back leaves no event', async () => {
  const { db } = app.deps
  const before = await db.$count(auditEvents)
  const change = db.transaction(async (tx) => {
    await recordEvent({ job: 'test' }, tx, {
      action: 'role.changed',
      account: NOBODY,
      details: { role: 'admin' },
    })
    await tx.execute(sql`select 1 / 0`)
  })
  await expect(change).rejects.toThrow()
  expect(await db.$count(auditEvents)).toBe(before)
})
