// The tests' own guard: where a test meets a 500, the error of the server stands beside the assertion that failed.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'restbun-500-'))
afterAll(() => rmSync(folder, { recursive: true }))

const support = (name: string) => JSON.stringify(join(import.meta.dir, name))

/** What `bun test` prints of a file that fails. */
async function failing(source: string): Promise<string> {
  const file = join(folder, `${Bun.hash(source)}.test.ts`)
  writeFileSync(file, source)
  const child = Bun.spawn([process.execPath, 'test', '--only-failures', '--timeout=60000', file], {
    cwd: join(import.meta.dir, '../../..'),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  expect(out + err).toContain('1 fail')
  return out + err
}

test.each([
  ['is called by its client', `(await app.visitor().get('/broken')).status`],
  ['is called by anything else', `(await fetch(app.url + '/broken')).status`],
])('an app of this process that %s', async (_, status) => {
  const said = await failing(`
      import { expect, test } from 'bun:test'
      import { startApp } from ${support('harness.ts')}
      test('a page', async () => {
        const app = await startApp()
        app.app.get('/broken', () => { throw new TypeError('a bug', { cause: new Error('its root') }) })
        try { expect(${status}).toBe(200) } finally { await app.close().catch(() => {}) }
      })`)
  expect(said).toMatch(/TypeError: a bug\n +at .*\.test\.ts[^]*caused by Error: its root\n/)
  expect(said).toContain('Received: 500')
})

test('a service of its own processes', async () => {
  const said = await failing(`
      import { expect, test } from 'bun:test'
      import { withConnection } from ${JSON.stringify(join(import.meta.dir, '../../../scripts/connection.ts'))}
      import { startService } from ${support('supervised.ts')}
      test('a page', async () => {
        const service = await startService({ WEB_PROCESSES: '1' })
        try {
          await withConnection(service.databaseUrl, (sql) => sql.unsafe('alter table members rename to gone'))
          const body = JSON.stringify({ email: 'ann@example.com', password: '123abC' })
          const headers = { 'Content-Type': 'application/json' }
          const reply = await fetch(service.url + '/club/enter', { method: 'POST', body, headers })
          expect(reply.status).toBe(400)
        } finally { await service.close() }
      })`)
  expect(said).toMatch(
    /DrizzleQueryError: [^]*\n +sql: select [^]*\n +at [^]*caused by PostgresError: relation "members" does not exist/,
  )
  expect(said).toContain('Received: 500')
})

test('an error that a test foresees is not shown', async () => {
  const said = await failing(`
      import { expect, test } from 'bun:test'
      import { startApp } from ${support('harness.ts')}
      test('a page', async () => {
        const app = await startApp({}, { foresees500: true })
        app.app.get('/broken', () => { throw new TypeError('a ' + 'bug') })
        try { expect((await app.visitor().get('/broken')).status).toBe(200) } finally { await app.close() }
      })`)
  expect(said).not.toContain('a bug')
})
