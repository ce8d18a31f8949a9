// A real primary with streaming standbys, of Debian's Postgres, each in a folder of its own that goes with it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { until } from '../../kit/support/until.ts'
import { freePort } from '../../kit/support/ports.ts'

const VERSIONS = '/usr/lib/postgresql'
const [version] = existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a)) : []
/** Where Debian keeps its programs; undefined where it is not installed, or where this is not root. */
export const BIN = version && process.getuid?.() === 0 ? join(VERSIONS, version, 'bin') : undefined

/** Everything of Postgres runs as its own user: it refuses root. */
export const asPostgres = (...command: string[]) => [
  'setpriv',
  '--reuid=postgres',
  '--regid=postgres',
  '--init-groups',
  ...command,
]

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(asPostgres(...command), { cwd: '/', stdout: 'ignore', stderr: 'pipe' })
  const [said, code] = await Promise.all([child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')}: ${said}`)
}

export const admin = (port: number) =>
  postgres({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 1, onnotice: () => {} })

/** Asks one server on a connection of its own. */
export async function ask(port: number, statement: string): Promise<Record<string, unknown>[]> {
  const sql = admin(port)
  try {
    return await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** One server, on a port of 127.0.0.1. */
export class Server {
  #child: ChildProcess | undefined

  constructor(
    readonly name: string,
    readonly folder: string,
    readonly port: number,
  ) {}

  async start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      cluster_name: this.name,
      hot_standby_feedback: 'on',
      wal_retrieve_retry_interval: '500ms', // a promotion may wait for it
      wal_receiver_timeout: '2s',
      wal_sender_timeout: '2s',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const [program = '', ...rest] = asPostgres(
      `${BIN}/postgres`,
      '-D',
      this.folder,
      '-p',
      String(this.port),
      ...options,
    )
    this.#child = spawn(program, rest, { stdio: 'ignore', cwd: '/' })
    await until(`${this.name} to answer`, () =>
      ask(this.port, 'select 1').then(
        () => true,
        () => false,
      ),
    )
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    if (signal === 'SIGKILL') child.kill('SIGCONT')
    await exited
  }

  /** Stops every process of it where it stands: nothing is refused, nothing is answered. `thaw` goes on. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { pid, exitCode, signalCode } = this.#child ?? {}
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    spawnSync('pkill', [`-${signal.slice(3)}`, '-P', String(pid)])
    process.kill(pid, signal)
  }

  /** From now on that role is let in by TLS and password alone. */
  async secure(certificate: string, key: string, role: string): Promise<void> {
    for (const [from, name] of [
      [certificate, 'server.crt'],
      [key, 'server.key'],
    ] as const)
      spawnSync('install', ['-o', 'postgres', '-m', '600', from, join(this.folder, name)])
    const file = join(this.folder, 'pg_hba.conf')
    const rules = [`hostssl all ${role} all scram-sha-256`, `hostnossl all ${role} all reject`]
    writeFileSync(file, `${rules.join('\n')}\n${readFileSync(file, 'utf8')}`)
    appendFileSync(join(this.folder, 'postgresql.conf'), "ssl = 'on'\n")
    await ask(this.port, 'select pg_reload_conf()')
  }

  async promote(): Promise<void> {
    await run(`${BIN}/pg_ctl`, 'promote', '-D', this.folder, '-w')
  }

  /** Becomes a standby of another server, though it was written to after the two parted. */
  async rewindTo(primary: Server): Promise<void> {
    await this.kill('SIGTERM')
    await run(
      `${BIN}/pg_rewind`,
      '-D',
      this.folder,
      `--source-server=host=127.0.0.1 port=${primary.port} user=postgres`,
    )
    await this.follow(primary)
    await this.start()
  }

  async follow(primary: Server): Promise<void> {
    const file = join(this.folder, 'standby.signal')
    if (!existsSync(file)) await run('touch', file)
    writeFileSync(
      join(this.folder, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres application_name=${this.name}'\n`,
    )
  }
}

/** @returns a primary and so many standbys that stream from it */
export async function startCluster(standbys = 1) {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-cluster-'))
  chmodSync(folder, 0o755)
  const make = async (name: string) => {
    const own = join(folder, name)
    spawnSync('install', ['-d', '-o', 'postgres', '-m', '700', own])
    return new Server(name, own, await freePort())
  }
  const primary = await make('one')
  await run(
    `${BIN}/initdb`,
    '-D',
    primary.folder,
    '-U',
    'postgres',
    '--auth=trust',
    '--data-checksums', // pg_rewind asks for them
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  )
  await primary.start()
  const servers = [primary]
  for (let i = 0; i < standbys; i++) {
    const standby = await make(['two', 'three'][i] ?? `s${i}`)
    await run(
      `${BIN}/pg_basebackup`,
      '-h',
      '127.0.0.1',
      '-p',
      String(primary.port),
      '-U',
      'postgres',
      '-D',
      standby.folder,
      '--checkpoint=fast',
    )
    await standby.follow(primary)
    await standby.start()
    servers.push(standby)
  }
  await until('the standbys to stream', async () => {
    const rows = await ask(primary.port, "select 1 from pg_stat_replication where state = 'streaming'")
    return rows.length === standbys
  })
  return {
    servers,
    /** Names all of them. */
    url: `postgres://postgres:secret@${servers.map(({ port }) => `127.0.0.1:${port}`).join()}/postgres`,
    async close() {
      for (const server of servers) {
        server.signalAll('SIGCONT')
        await server.kill('SIGKILL')
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
