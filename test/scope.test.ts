// Who asks, as queries are told: the account of a request, and the role that counts.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { factory, requireRole } from '../src/account/product.ts'
import type { Role } from '../src/account/roles.ts'
import { scopeOf } from '../src/account/scope.ts'
import { users } from '../src/account/table.ts'
import { NOBODY } from '../src/kit/data/scope.ts'
import { doc } from '../src/kit/http/doc.ts'
import type { Client } from './kit/support/client.ts'
import { startApp, type TestApp } from './support/harness.ts'

const Asks = z.object({ me: z.string(), role: z.string().nullable() })

const asks = factory
  .createApp()
  .get('/everybody', doc('Tells who asks.', Asks), async (c) => {
    const { me, role } = await scopeOf(c)
    return c.var.respond({ me, role })
  })
  .get('/accounts', doc('Tells which account asks.', Asks), requireRole('readonly'), async (c) => {
    const { me, role } = await scopeOf(c)
    return c.var.respond({ me, role })
  })

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  app.app.route('/api/asks', asks)
})
afterAll(() => app.close())

/** Where everybody may ask, and where accounts may. */
const PATHS = ['/api/asks/everybody', '/api/asks/accounts']

const asked = async (client: Client, path: string) => (await client.get(path)).body

/** As SQL does it by hand: no session is told. */
const setRow = (id: string, role: Role) => app.deps.db.update(users).set({ role }).where(eq(users.id, id))

test.each(['readonly', 'editor', 'admin', 'superuser'] as const)(
  'an account asks as itself: %s',
  async (role) => {
    const ann = await app.member(role)
    for (const path of PATHS) expect(await asked(ann, path)).toEqual({ me: ann.user.id, role })
  },
)

test('a visitor asks as nobody, who has no role', async () => {
  expect(await asked(app.visitor(), '/api/asks/everybody')).toEqual({ me: NOBODY, role: null })
})

test.each(PATHS)('an admin whose row has a lower role is none any more: %s', async (path) => {
  const ann = await app.member('admin')
  await setRow(ann.user.id, 'editor')
  expect(await asked(ann, path)).toEqual({ me: ann.user.id, role: 'editor' })
})

test.each(PATHS)(
  'an editor whose row has a higher role has none of it yet in this session: %s',
  async (path) => {
    const ann = await app.member('editor')
    await setRow(ann.user.id, 'admin')
    expect(await asked(ann, path)).toEqual({ me: ann.user.id, role: 'editor' })
  },
)

test.each(PATHS)('an admin whose row is gone is nobody: %s', async (path) => {
  const ann = await app.member('admin')
  await app.deps.db.delete(users).where(eq(users.id, ann.user.id))
  const { status, body } = await ann.get(path)
  expect(status === 401 ? NOBODY : body.me).toBe(NOBODY)
})

test('a program has what its account has, and nothing that is for the few', async () => {
  for (const [role, counts] of [
    ['readonly', 'readonly'],
    ['editor', 'editor'],
    ['admin', 'editor'],
    ['superuser', 'editor'],
  ] as const) {
    const ann = await app.member(role)
    const { body } = await ann.post('/api/me/tokens', { name: 'program', abilities: ['read'] })
    const program = app.visitor({ Authorization: `Bearer ${body.token}` })
    expect(await asked(program, '/api/asks/accounts')).toEqual({ me: ann.user.id, role: counts })
    expect(await asked(program, '/api/asks/everybody')).toEqual({ me: NOBODY, role: null })
  }
})

test('whoever acts as an account has what that has', async () => {
  const boss = await app.member('superuser')
  for (const role of ['editor', 'admin'] as const) {
    const ann = await app.member(role)
    expect((await boss.post(`/api/users/${ann.user.id}/impersonate`, {})).status).toBe(200)
    expect(await asked(boss, '/api/asks/accounts')).toEqual({ me: ann.user.id, role })
    expect(await asked(boss, '/api/asks/everybody')).toEqual({ me: NOBODY, role: null })
    expect((await boss.post('/api/impersonation/end')).status).toBe(200)
  }
})
