// A role that is too low, and nobody logged in: one status by contract, and another without that line.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { openApi } from '../../../src/kit/reference/openapi.ts'
import { copyCheckout, startService, type Service } from '../support/supervised.ts'

let copy: string
let service: Service
beforeAll(async () => {
  copy = copyCheckout()
  const file = join(copy, 'test/kit/product/product.ts')
  const changed = readFileSync(file, 'utf8').replace(/^ *tooLowStatus: 401.*\n/m, '')
  expect(changed).not.toContain('401')
  writeFileSync(file, changed)
  service = await startService({ WEB_PROCESSES: '1' }, { folder: copy })
})
afterAll(async () => {
  await service.close()
  rmSync(copy, { recursive: true })
})

test('without its line a low role gets 403, which leaves "not logged in" at 401, and the document follows', async () => {
  const users = `${service.url}/club/members`
  const joined = await fetch(`${service.url}/club/join`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"email":"ann@example.com","password":"123abC"}',
  })
  const cookie = joined.headers.get('set-cookie')?.split(';')[0] ?? ''
  expect((await fetch(users)).status).toBe(401)
  const low = await fetch(users, { headers: { cookie } })
  expect([low.status, await low.json()]).toMatchObject([
    403,
    { err: expect.stringMatching(/^403: .*owner/), code: 'insufficient_role' },
  ])

  const document = (await (await fetch(`${service.url}/api/openapi.json`)).json()) as ReturnType<
    typeof openApi
  >
  expect(document.paths['/club/members']?.get).toMatchObject({
    responses: {
      401: { $ref: '#/components/responses/InvalidTokenOrLoginRequired' },
      403: { $ref: '#/components/responses/InsufficientRole' },
    },
  })
})
