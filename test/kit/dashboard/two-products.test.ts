// The dashboard of another product: it knows its roles, accounts and crons by what is handed to it.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { dashboard } from '../../../src/kit/dashboard/routes.tsx'
import { Client } from '../support/client.ts'
import { openZoo, requireRole, type Zoo } from '../support/zoo.ts'

const label = ({ nickname }: Zoo['User']) => nickname

let opened: Awaited<ReturnType<typeof openZoo>>
beforeAll(async () => {
  opened = await openZoo((app) => {
    app.route('/api/operators', dashboard({ requireRole, role: 'keeper', label, signIn: undefined }))
  })
})
afterAll(() => opened.close())

test('its operators see its crons, and themselves by the name that it gives them', async () => {
  const html = { Accept: 'text/html' }
  const keeper = await opened.enter('keeper', 'Keeper Ann')
  const page = await keeper.get('/api/operators', html)
  expect(page.status).toBe(200)
  for (const word of ['zoo queue', 'Keeper Ann', 'feeding']) expect(page.text).toContain(word)
  expect(page.text).not.toContain('nightly')
  const no = await (await opened.enter('guest')).get('/api/operators', html)
  expect([no.status, no.text.includes('the role keeper')]).toEqual([403, true])
  // It has no page to sign in, which is said in words.
  const visitor = await new Client(opened.url).get('/api/operators', html)
  expect([visitor.status, visitor.text.includes('Log in by its API')]).toEqual([401, true])
})
