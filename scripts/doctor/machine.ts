// The machine: Bun, the port, open files, the setting for restarts without a lost request, room on the disk.
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { devDependencies } from '../../package.json'
import type { Config } from '../../src/config.ts'
import { readMigrateReq } from '../../src/kit/process/host.ts'
import { listenOnEach } from '../../src/kit/process/port.ts'
import { localUrl } from '../local-url.ts'
import { fail, type Finding, messageOf, ok, warn } from './finding.ts'

const ROOT = join(import.meta.dir, '../..')
const MIN_OPEN_FILES = 4096
const MIN_FREE_MB = { warn: 1024, fail: 100 }
const TIMEOUT_MS = 3000

export function checkBun(running: string = Bun.version): Finding {
  const pinned: string = devDependencies.bun
  if (running === pinned) return ok('Bun', running)
  const fix = 'Run the commands by npm, which takes the one of node_modules: npm start'
  return running.localeCompare(pinned, 'en', { numeric: true }) < 0
    ? fail('Bun', `${running}, older than the ${pinned} that package.json pins`, fix)
    : warn('Bun', `${running}, not the ${pinned} that package.json pins and the tests ran on`, fix)
}

/** Free, or held by this API already. */
export async function checkPort({ host, port }: Config): Promise<Finding> {
  const check = `port ${port}`
  try {
    const listen = (hostname: string) => Bun.serve({ hostname, port, fetch: () => new Response() })
    await Promise.all(listenOnEach(host, listen).map((listener) => listener.stop(true)))
    return ok(check, `free on ${host}`)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EADDRINUSE') {
      if (await isOurs(host, port)) return ok(check, 'this API, or another of its kind, serves there')
      return fail(check, 'taken by another program', `End it, or choose another: PORT=${port + 1}`)
    }
    const fix =
      code === 'EACCES' ? 'Choose a port above 1023 by PORT' : 'Choose an address of this machine by HOST'
    return fail(check, `${host} cannot be listened on: ${messageOf(error)}`, fix)
  }
}

async function isOurs(host: string, port: number): Promise<boolean> {
  try {
    const reply = await fetch(`${localUrl({ host, port })}/health`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return reply.ok && ((await reply.json()) as { status?: string }).status === 'ok'
  } catch {
    return false
  }
}

/** Every connection is an open file. @param limit as `ulimit -n` says it for a child of this process */
export function checkOpenFiles(limit = readLimit()): Finding {
  if (limit === 'unlimited' || Number(limit) >= MIN_OPEN_FILES) return ok('open files', `${limit} allowed`)
  return warn(
    'open files',
    `${limit} allowed, and every connection is one`,
    'ulimit -n 65536 before the start, or LimitNOFILE=65536 in a systemd unit',
  )
}

const readLimit = () => Bun.spawnSync(['/bin/sh', '-c', 'ulimit -n']).stdout.toString().trim()

/** Without it Linux drops connections that wait in a listener which closes. Absent on other systems. */
export function checkMigrateReq({ production }: Config): Finding[] {
  const check = 'tcp_migrate_req'
  const setting = readMigrateReq()
  if (setting === undefined) return []
  if (setting === '1') return [ok(check, 'on')]
  if (!production) return [ok(check, 'off, which only matters for restarts in production')]
  return [
    warn(
      check,
      'off: a rolling restart can lose connections that nobody has accepted yet',
      'As root: echo net.ipv4.tcp_migrate_req=1 > /etc/sysctl.d/60-migrate-req.conf && sysctl --system',
    ),
  ]
}

/** Where the status, the scoreboards and the embedded services of development lie, and the log. That of Postgres is another machine's. */
export async function checkDisk({ dataDir, log }: Pick<Config, 'dataDir' | 'log'>): Promise<Finding[]> {
  const ofLog = log.file === undefined ? [] : [checkRoom(log.file, 'LOG_FILE')]
  return (await Promise.all([checkRoom(dataDir, 'DATA_DIR'), ...ofLog])).flat()
}

async function checkRoom(path: string, setting: string): Promise<Finding[]> {
  let folder = resolve(ROOT, path)
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = await statfs(folder)
  const free = Math.floor((bavail * bsize) / 1024 ** 2)
  const found = `${free} MB free for ${path} (${setting})`
  const fix = `Make room, or choose another place by ${setting}`
  if (free < MIN_FREE_MB.fail) return [fail('disk', found, fix)]
  return [free < MIN_FREE_MB.warn ? warn('disk', found, fix) : ok('disk', found)]
}

/** Only that something listens there: nothing is sent. Without SMTP_URL in production the settings say so. */
export async function checkMail({ mail: { smtpUrl }, production }: Config): Promise<Finding[]> {
  if (smtpUrl === undefined) {
    return production ? [] : [ok('mail', 'kept at /apitest/mails, because SMTP_URL is not set')]
  }
  const { hostname, port, protocol } = new URL(smtpUrl)
  const at = `${hostname}:${port || (protocol === 'smtps:' ? 465 : 587)}`
  const problem = await tryConnect(hostname, Number(at.split(':').at(-1)))
  if (problem === undefined) return [ok('mail', `${at} takes connections`)]
  return [warn('mail', `${at} cannot be reached: ${problem}`, 'Check SMTP_URL, and the firewall between')]
}

function tryConnect(host: string, port: number): Promise<string | undefined> {
  return new Promise((answer) => {
    const socket = connect(port, host.replaceAll(/[[\]]/g, ''))
    const end = (problem?: string) => {
      socket.destroy()
      answer(problem)
    }
    socket.setTimeout(TIMEOUT_MS, () => end('no answer'))
    socket.once('connect', () => end()).once('error', (error) => end(messageOf(error)))
  })
}
