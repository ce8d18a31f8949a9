// PgBouncer in transaction mode before the test's Postgres, where it is installed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serviceAccount } from '../../../scripts/services/service-account.ts'
import { until } from './until.ts'
import { accepts, freePort } from './ports.ts'

export const PGBOUNCER = Bun.which('pgbouncer', { PATH: `${process.env.PATH}:/usr/sbin` })

/** Starts one. @param settings further lines of its [pgbouncer] section @param ofDatabase what stands behind each database */
export async function startPgBouncer(settings: Record<string, string> = {}, ofDatabase = '') {
  if (PGBOUNCER === null) throw new Error('pgbouncer is not installed')
  const server = new URL(process.env.TEST_DATABASE_URL ?? '')
  const folder = mkdtempSync(join(tmpdir(), 'restbun-pgbouncer-'))
  chmodSync(folder, 0o755) // as root it runs as another user
  const port = await freePort()
  const target = [
    `host=${server.hostname}`,
    `port=${server.port || 5432}`,
    `user=${decodeURIComponent(server.username)}`,
    ...(server.password ? [`password=${decodeURIComponent(server.password)}`] : []),
  ]
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: 'transaction',
    ...settings,
  }
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(
    file,
    `[databases]\n* = ${target.join(' ')} ${ofDatabase}\n\n[pgbouncer]\n${Object.entries(lines)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  )
  const child: ChildProcess = spawn(PGBOUNCER, [file], { stdio: 'ignore', ...serviceAccount(folder) })
  const exited = once(child, 'exit')
  await until('PgBouncer to listen', () => accepts(port))
  return {
    /** The same database, by way of the pooler. */
    urlOf(databaseUrl: string): string {
      const url = new URL(databaseUrl)
      url.host = `127.0.0.1:${port}`
      return url.href
    },
    async close() {
      child.kill('SIGTERM')
      await exited
      rmSync(folder, { recursive: true })
    },
  }
}
