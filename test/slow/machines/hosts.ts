// Hosts of the service, each on a machine of its own, on one Postgres and one Redis that it may be cut off from.
import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { newSecretKey } from '../../../src/kit/auth/secrets.ts'
import { closeRedis, connectRedis } from '../../../src/kit/data/redis.ts'
import { createStore } from '../../../src/kit/data/store.ts'
import { KEPT_MAILS, type Mail } from '../../../src/kit/types/mail.ts'
import { openLink } from '../../kit/support/faulty-link.ts'
import { silent } from '../../kit/support/log.ts'
import type { LogLine } from '../../kit/support/supervised.ts'
import {
  createDatabase,
  deletePrefix,
  redisUrl,
  serverEnv,
  uniquePrefix,
} from '../../kit/support/services.ts'
import { until } from '../../kit/support/until.ts'
import { tokenIn } from '../../support/mailbox.ts'
import type { Machine, Network } from './network.ts'

const ROOT = join(import.meta.dir, '../../..')
const PORT = 8100

export type Engine = 'Postgres' | 'Redis'

type HostLine = LogLine & { time: string; path?: string; status?: number; cron?: string; tick?: string }

export class Host {
  readonly url: string
  readonly address: string
  /** What it has logged, lines of JSON. */
  readonly lines: HostLine[] = []
  /** What its clock was ahead of this one's in its last line, with the way of the line in it. */
  aheadMs = 0
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'restbun-host-'))
  #child: ChildProcess | undefined

  constructor(
    readonly machine: Machine,
    readonly env: Record<string, string>,
    readonly ports: Record<Engine, string>,
    readonly aheadSeconds: number,
  ) {
    this.address = `${machine.address}:${PORT}`
    this.url = `http://${this.address}`
  }

  /** As production does: a supervisor, with an API process and a worker. */
  async start(): Promise<void> {
    const service = [process.execPath, '--no-orphans', '--no-env-file', 'src/supervisor.ts']
    const clock = this.aheadSeconds === 0 ? [] : ['faketime', '-f', `+${this.aheadSeconds}s`]
    const child = this.machine.start([...clock, ...service], {
      cwd: ROOT,
      env: { ...this.env, DATA_DIR: this.#dataDir, HOST: '0.0.0.0', PORT: String(PORT) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#read(line))
    await until(`${this.machine.name} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(`${this.machine.name} ended (${child.exitCode})`)
      return this.isReady()
    })
  }

  #read(line: string): void {
    if (!line.startsWith('{')) return
    const parsed = JSON.parse(line) as HostLine
    this.aheadMs = Date.parse(parsed.time) - Date.now()
    this.lines.push(parsed)
  }

  /** What it says to one who asks it and not the balancer. */
  isReady(): Promise<boolean> {
    return fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(5000) }).then(
      (reply) => reply.ok,
      () => false,
    )
  }

  /** How many requests it has answered so far that did not go wrong. */
  served(): number {
    return this.lines.filter(
      ({ msg, path, status }) => msg === 'request' && path?.startsWith('/api/') && Number(status) < 400,
    ).length
  }

  /** Nothing reaches that engine any more from here, nothing is refused, and everything else goes on. */
  cutOff(engine: Engine): void {
    this.machine.run('iptables', '-A', 'OUTPUT', ...this.#to(engine))
  }

  reconnect(engine: Engine): void {
    this.machine.run('iptables', '-D', 'OUTPUT', ...this.#to(engine))
  }

  #to = (engine: Engine) => ['-p', 'tcp', '--dport', this.ports[engine], '-j', 'DROP']

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  async close(): Promise<void> {
    await this.end('SIGTERM')
    rmSync(this.#dataDir, { recursive: true, force: true })
  }
}

/** @param ahead for each host the seconds that its clock is ahead */
export async function startHosts(network: Network, proxy: Machine, ahead: number[]) {
  const database = await createDatabase()
  const prefix = uniquePrefix()
  const postgres = await openLink(database.url, undefined, network.address)
  const redis = await openLink(redisUrl(), undefined, network.address)
  const ports = { Postgres: new URL(postgres.url).port, Redis: new URL(redis.url).port }
  const env = {
    ...serverEnv(postgres.url, prefix),
    REDIS_URL: redis.url,
    REDIS_TIMEOUT_MS: '2000',
    TRUSTED_PROXIES: proxy.address,
    SECRET_KEYS: newSecretKey(),
    WEB_PROCESSES: '1',
    WORKER_PROCESSES: '1',
    PASSWORD_RULE: 'seed',
    RATE_LIMIT: 'on',
    RATE_LIMIT_TOKEN: '1000000',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'debug',
  }
  const hosts = ahead.map((seconds, i) => new Host(network.add(`host${i + 1}`), env, ports, seconds))
  const own = connectRedis(redisUrl(), { log: silent })
  const store = createStore(own, prefix)
  return {
    hosts,
    /** The token of the link in the last mail to this address with these words in its subject. */
    tokenTo: (email: string, subject: string) =>
      until(`the mail "${subject}"`, async () => {
        const mails = await store.all<Mail>(KEPT_MAILS)
        const mail = mails.findLast((one) => one.to === email && one.subject.includes(subject))
        return mail && tokenIn(mail)
      }),
    start: () => Promise.all(hosts.map((host) => host.start())),
    async close() {
      await Promise.all(hosts.map((host) => host.close()))
      store.close()
      await closeRedis(own)
      await postgres.close()
      await redis.close()
      await deletePrefix(prefix)
      await database.drop()
    },
  }
}
