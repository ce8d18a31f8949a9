// `npm run routes`: the table of routes, wherever services are.
import { expect, test } from 'bun:test'
import { join } from 'node:path'

async function routes(args: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, '../../../scripts/routes.ts'), ...args], {
    env: { PATH: process.env.PATH ?? '', NODE_ENV: 'development', DATABASE_URL: '', REDIS_URL: '', ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

test('each route has a line: method, path, role, summary', async () => {
  const { code, out } = await routes([])
  expect(code).toBe(0)
  expect(out).toMatch(/^GET +\/api\/users +superuser +Lists accounts, newest first\.$/m)
  expect(out).toMatch(/^POST +\/api\/login +anyone +Logs in/m)
})

test('as JSON it is for programs', async () => {
  const list = JSON.parse((await routes(['--json'])).out) as unknown[]
  expect(list).toContainEqual({
    method: 'GET',
    path: '/api/me',
    role: 'readonly',
    summary: 'Returns my account.',
  })
})

test('in production there are no development routes', async () => {
  expect((await routes([])).out).toContain('/apitest/')
  expect((await routes([], { NODE_ENV: 'production' })).out).not.toContain('/apitest/')
})

test('called wrongly, it says so and exits with 2', async () => {
  expect(await routes(['--nonsense'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('There is no option --nonsense\nHow it is called: npm run routes'),
  })
})
