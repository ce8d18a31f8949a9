// The whole contract, word for word, through PgBouncer in transaction mode, as scripts/deploy/pgbouncer.ini sets it up.
import { expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGBOUNCER, startPgBouncer } from '../../kit/support/pgbouncer.ts'
import { SLOW_MS } from '../green.ts'

if (PGBOUNCER === null)
  process.stderr.write('SKIPPED: the contract through PgBouncer, which is not installed\n')

const ROOT = join(import.meta.dir, '../../..')
/** Where it listens, and whom it knows, is the test's. */
const OWN = /^(listen_|auth_)/

/** The settings of the page's file, and what it does with each new connection. */
function readSettings() {
  const text = readFileSync(join(ROOT, 'scripts/deploy/pgbouncer.ini'), 'utf8')
  const [databases = '', pooler = ''] = text.split('[pgbouncer]')
  const lines = [...pooler.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value])
  return {
    settings: Object.fromEntries(lines.filter(([name = '']) => !OWN.test(name))) as Record<string, string>,
    connectQuery: /connect_query='[^']*'/.exec(databases)?.[0],
  }
}

const CONTRACT = [
  'accounts',
  ...readdirSync(join(ROOT, 'src')),
  'client',
  'tasks',
  ...['contract', 'sessions', 'bad-input', 'origins', 'idempotency'].map((name) => `kit/http/${name}`),
  'kit/jobs/outbox',
]
  .map((name) => `test/${name}.test.ts`)
  .filter((path) => existsSync(join(ROOT, path)))

test.skipIf(PGBOUNCER === null)(
  'the contract holds through PgBouncer',
  async () => {
    const { settings, connectQuery } = readSettings()
    expect(settings.pool_mode).toBe('transaction')
    expect(connectQuery).toContain('statement_timeout')
    const pooler = await startPgBouncer(
      { ...settings, default_pool_size: '5', server_idle_timeout: '5' },
      connectQuery,
    )
    try {
      const url = `${pooler.urlOf(process.env.TEST_DATABASE_URL ?? '')}?prepare=false`
      const child = Bun.spawn([process.execPath, 'test', '--timeout=600000', ...CONTRACT], {
        cwd: ROOT,
        env: { ...process.env, TEST_DATABASE_URL: url },
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
      const passed = Number(/^ *(\d+) pass$/m.exec(err)?.[1])
      if (code !== 0) throw new Error(`the contract does not hold:\n${out}${err}`)
      expect(passed).toBeGreaterThan(300)
      process.stdout.write(`through PgBouncer: ${passed} passed\n`)
    } finally {
      await pooler.close()
    }
  },
  SLOW_MS,
)
