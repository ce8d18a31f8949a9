// The export of the audit trail: whole, in parts, and for who asked alone.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { changeRole } from '../src/account/change-role.ts'
import { auditEvents } from '../src/kit/audit/table.ts'
import type { Client } from './kit/support/client.ts'
import { until } from './kit/support/until.ts'
import { OPERATOR } from './support/harness.ts'
import { startWithMail, type AppWithMail } from './support/mailbox.ts'

let app: AppWithMail
beforeAll(async () => {
  app = await startWithMail()
})
afterAll(() => app.close())

test('a range is exported as lines of JSON, in as many parts as it takes, for who asked alone', async () => {
  const [boss, another] = [await app.member('superuser'), await app.member('superuser')]
  const account = crypto.randomUUID()
  const day = Date.parse('2025-01-01T00:00:00Z')
  const rows = Array.from({ length: 3000 }, (_, n) => ({ action: 'old.one', account, at: new Date(day + n) }))
  for (let i = 0; i < rows.length; i += 1000)
    await app.deps.db.insert(auditEvents).values(rows.slice(i, i + 1000))
  const range = { from: '2025-01-01T00:00:00Z', to: '2025-01-01T02:00:02.900+02:00' }
  const lines: string[] = []
  let [cursor, parts] = [undefined, 0]
  do {
    const reply = await boss.post('/api/audit/export', { ...range, cursor })
    expect([reply.status, reply.headers.get('location')]).toEqual([202, `/api/jobs/${reply.body.id}`])
    const { result } = await until('the export', async () => {
      const { body } = await boss.get(`/api/jobs/${reply.body.id}`)
      expect(body.state).not.toBe('failed')
      return body.state === 'done' ? body : undefined
    })
    expect((await another.get(`/api/jobs/${reply.body.id}`)).status).toBe(404)
    lines.push(...result.jsonl.trimEnd().split('\n'))
    cursor = result.next ?? undefined
    parts++
  } while (cursor !== undefined)
  expect(parts).toBeGreaterThan(1)
  const asked = await boss.get(`/api/audit?action=audit.exported&actor=${boss.user.id}`)
  expect(asked.body.map(({ details }: { details: unknown }) => details)).toEqual(
    Array.from({ length: parts }, () => range),
  )
  const times = lines.map((line) => Date.parse(JSON.parse(line).at) - day)
  expect(times).toEqual(Array.from({ length: 2900 }, (_, n) => n))
})

test('its result is for a superuser who is logged in: no program reads it, nor whoever is none any more', async () => {
  const boss = await app.member('superuser')
  const { body: made } = await boss.post('/api/me/tokens', { name: 'program', abilities: ['read', 'write'] })
  const program = app.visitor({ Authorization: `Bearer ${made.token}` })
  const range = { from: '2025-01-01T00:00:00Z', to: '2025-01-02T00:00:00Z' }
  const path = `/api/jobs/${(await boss.post('/api/audit/export', range)).body.id}`
  await until('the export', async () => (await boss.get(path)).body.state === 'done')
  const seen = async (client: Client) =>
    Promise.all([client.get(path), client.get(`${path}/events`), client.delete(path)]).then((replies) =>
      replies.map((reply) => reply.status),
    )
  expect(await seen(program)).toEqual([404, 404, 404])
  expect(await seen(boss)).toEqual([200, 200, 200])
  await changeRole(app.deps, boss.user.id, 'admin', OPERATOR)
  expect(await seen(boss)).toEqual([404, 404, 404])
})

test('nobody but a superuser has it exported', async () => {
  const range = { from: '2026-01-01T00:00:00Z', to: '2036-01-01T00:00:00Z' }
  for (const role of ['readonly', 'editor', 'admin'] as const)
    expect((await (await app.member(role)).post('/api/audit/export', range)).status).toBe(401)
})

test('a moment longer than one is refused: its line would have room in no part', async () => {
  const boss = await app.member('superuser')
  const range = { from: `2025-01-01T00:00:00.${'1'.repeat(500_000)}Z`, to: '2026-01-01T00:00:00Z' }
  expect((await boss.post('/api/audit/export', range)).status).toBe(400)
  expect((await boss.get(`/api/audit?actor=${boss.user.id}&action=audit.exported`)).body).toEqual([])
})
