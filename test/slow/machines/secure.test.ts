// Redis and Postgres in company behind TLS and passwords: verified, let in, and found again after a failover.
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Finding } from '../../../scripts/doctor/finding.ts'
import { until } from '../../kit/support/until.ts'
import type { Network } from './network.ts'
import { ask, BIN, startCluster as startPostgres } from './postgres.ts'
import { type Access, type RedisSet, startCluster, startSentinels } from './redis-sets.ts'

const ROOT = join(import.meta.dir, '../../..')
const PASSWORD = 'correct+horse'
const SENTINELS = 'battery+staple'
const written = encodeURIComponent

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'restbun-secure-'))))
afterAll(() => rmSync(folder, { recursive: true }))

let ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.toReversed()) await end()
  ends = []
})

/** A certificate for the machines of a network and for localhost, signed by itself. */
function makeCertificate(network?: Network) {
  const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const machines = Array.from({ length: 8 }, (_, i) => network?.address.replace(/\d+$/, String(i + 1)))
  const names = ['DNS:localhost', ...machines.flatMap((address) => (address ? [`IP:${address}`] : []))]
  const request =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'
  const where = ['-addext', `subjectAltName=${names.join()}`, '-keyout', files.key, '-out', files.certificate]
  const made = spawnSync('openssl', request.split(' ').concat(where))
  if (made.status !== 0) throw new Error(made.stderr.toString())
  return files
}

/** Nothing but TLS, a password for the servers, one for their user `ann`, and another one for the Sentinels. */
function secured(network: Network): Access {
  const { certificate, key } = makeCertificate(network)
  const tls = { 'tls-cert-file': certificate, 'tls-key-file': key, 'tls-ca-cert-file': certificate }
  const both = { ...tls, 'tls-auth-clients': 'no', 'tls-replication': 'yes' }
  const server = {
    port: '0',
    'tls-port': '6379',
    ...both,
    'tls-cluster': 'yes',
    requirepass: PASSWORD,
    masterauth: PASSWORD,
  }
  const sentinel = { port: '0', 'tls-port': '26379', ...both, requirepass: SENTINELS }
  const cli = ['--tls', '--cacert', certificate, '--no-auth-warning', '-a']
  return {
    server: [
      ...Object.entries(server).flatMap(([name, value]) => [`--${name}`, value]),
      '--user',
      ...`ann on >${PASSWORD} ~* &* +@all`.split(' '),
    ],
    cli: [...cli, PASSWORD],
    sentinel: [
      ...Object.entries(sentinel).map(([name, value]) => `${name} ${value}`),
      `sentinel auth-pass ours ${PASSWORD}`,
      `sentinel sentinel-pass ${SENTINELS}`,
    ],
    sentinelCli: [...cli, SENTINELS],
  }
}

const trusting = (env: Record<string, string>) => ({
  PATH: process.env.PATH ?? '',
  NODE_ENV: 'development',
  PORT: '0',
  DATABASE_URL: 'postgres://127.0.0.1:1/x',
  REDIS_URL: 'redis://127.0.0.1:1',
  NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
  ...env,
})

/** What the doctor finds, as a program of its own: which certificates count is read at its start. */
async function examine(env: Record<string, string>): Promise<Finding[]> {
  const child = Bun.spawn([process.execPath, '--no-env-file', 'scripts/doctor.ts', '--json'], {
    cwd: ROOT,
    env: trusting(env),
    stdout: 'pipe',
    stderr: 'ignore',
  })
  return JSON.parse(await child.stdout.text()) as Finding[]
}
const about = (name: string, findings: Finding[]) => findings.filter(({ check }) => check.startsWith(name))
const wrong = (findings: Finding[]) => findings.filter(({ level }) => level !== 'ok')

/** A program that asks Redis all the time, and says whenever that begins to succeed or fail. */
function startAsking(url: string) {
  const code = `
    import { connectRedis } from './src/kit/data/redis.ts'
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const redis = connectRedis(process.env.REDIS_URL, { log })
    for (let before; ; ) {
      const now = await redis.set('asked', 'x').then(() => 'served', () => 'refused')
      if (now !== before) console.log(now)
      before = now
      await Bun.sleep(10)
    }`
  const child = Bun.spawn([process.execPath, '--no-env-file', '--eval', code], {
    cwd: ROOT,
    env: trusting({ REDIS_URL: url }),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  ends.push(() => child.kill())
  const said: string[] = []
  createInterface({ input: Readable.fromWeb(child.stdout as never) }).on('line', (line) => said.push(line))
  return said
}

for (const [name, start, auth, query] of [
  ['Sentinel', startSentinels, `ann:${written(PASSWORD)}`, `?sentinel=${written(SENTINELS)}`],
  ['Cluster', startCluster, `:${written(PASSWORD)}`, ''],
] as const)
  test(`${name} behind TLS, with passwords: let in with the right ones, and again after a failover`, async () => {
    const set: RedisSet = await start([], secured)
    ends.push(() => set.remove())
    const urlWith = (user: string, after: string) =>
      set.url.replace('redis+', 'rediss+').replace('://', `://${user}@`) + after
    const url = urlWith(auth, query)
    expect(wrong(about('Redis', await examine({ REDIS_URL: url })))).toEqual([])

    for (const refused of [
      urlWith('ann:guess', query),
      ...(query ? [urlWith(auth, '?sentinel=guess')] : []),
      set.url,
    ]) {
      const [finding] = about('Redis', await examine({ REDIS_URL: refused }))
      expect(finding).toMatchObject({ check: 'Redis', level: 'fail' })
      expect(JSON.stringify(finding)).not.toContain('guess')
    }

    const said = startAsking(url)
    await until('Redis to serve', () => said.at(-1) === 'served')
    const master = await set.primaryOf('asked')
    process.kill(master.process.pid ?? 0, 'SIGKILL')
    await until('it to be missed', () => said.includes('refused'))
    await until('another one to serve', () => said.at(-1) === 'served')
    expect((await set.primaryOf('asked')) === master).toBe(false)
  })

test.skipIf(!BIN)(
  'several hosts of Postgres behind TLS, with a password: the primary is found, and no other certificate counts',
  async () => {
    const cluster = await startPostgres()
    ends.push(() => cluster.close())
    const { certificate, key } = makeCertificate()
    const [primary] = cluster.servers
    if (!primary) throw new Error('no primary')
    await ask(primary.port, `create role app login password '${PASSWORD}'`)
    for (const server of cluster.servers) await server.secure(certificate, key, 'app')
    await primary.kill('SIGINT')
    await cluster.servers[1]?.promote()
    await primary.rewindTo(cluster.servers[1] as never)

    const hosts = cluster.servers.map(({ port }) => `localhost:${port}`).join()
    const url = (password: string, mode: string) =>
      `postgres://app:${written(password)}@${hosts}/postgres?sslmode=${mode}`
    const told = async (url: string, env = {}) =>
      (await examine({ DATABASE_URL: url, ...env })).filter(({ check }) => /^Postgres( hosts)?$/.test(check))
    expect(await told(url(PASSWORD, 'verify-full'))).toMatchObject([
      { level: 'ok' },
      { level: 'ok', found: expect.stringMatching(/:\d+ is a standby.*:\d+ is the primary/) },
    ])
    for (const [what, refused, env] of [
      ['a password', url('guess', 'verify-full'), {}],
      ['no TLS', url(PASSWORD, 'disable'), {}],
      ['a certificate', url(PASSWORD, 'verify-full'), { NODE_EXTRA_CA_CERTS: '' }],
    ] as const) {
      const findings = await told(refused, env)
      expect([what, findings.map(({ level }) => level)]).toEqual([what, ['fail']])
      expect(JSON.stringify(findings)).not.toContain('guess')
    }
  },
)
