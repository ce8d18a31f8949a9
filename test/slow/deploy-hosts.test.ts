// A deploy to two hosts of one service, for real: over ssh, under load on both, of a good release and of one that only fails on the second.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkoutToDeploy, type DeployCheckout } from '../kit/support/checkout-to-deploy.ts'
import { startLoad } from '../kit/support/load.ts'
import { type DeployTarget, missingToDeploy, startDeployTarget } from '../kit/support/server-to-deploy.ts'
import {
  createEmptyDatabase,
  deletePrefix,
  redisUrl,
  type TestDatabase,
  uniquePrefix,
} from '../kit/support/services.ts'
import { until } from '../kit/support/until.ts'
import { freePort } from '../kit/support/ports.ts'

const cannot = missingToDeploy.length > 0 || process.platform !== 'linux' || process.getuid?.() !== 0
if (cannot)
  process.stderr.write('SKIPPED: deploys to two hosts, which need Linux, root, sshd, ssh and rsync\n')

interface TestHost {
  name: string
  target: DeployTarget
  url: string
  service?: ReturnType<DeployTarget['startService']>
}

let checkout: DeployCheckout
let database: TestDatabase
let folder: string
let hosts: TestHost[] = []
let first: Awaited<ReturnType<typeof deploy>>
const prefix = uniquePrefix()

beforeAll(async () => {
  if (cannot) return
  checkout = checkoutToDeploy()
  database = await createEmptyDatabase("TEMPLATE template0 ENCODING 'UTF8'")
  folder = mkdtempSync(join(tmpdir(), 'restbun-hosts-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'srv'))
  hosts = [await startHost('host-one'), await startHost('host-two')]
  writeFileSync(join(folder, 'config'), hosts.map(sshHost).join(''))
  first = await deploy()
  if (first.code !== 0) throw new Error(first.said)
  for (const host of hosts) {
    host.service = host.target.startService()
    await until('the service', () => answersReady(host))
  }
})
afterAll(async () => {
  for (const { service, target } of hosts) {
    if (service) expect(await service.stop()).toBe(0)
    await target.stop()
  }
  await deletePrefix(prefix)
  await database?.drop()
  checkout?.remove()
  if (folder) rmSync(folder, { recursive: true })
})

/** A host of the service is a user with an sshd and a port of its own: both share the database and Redis. */
async function startHost(name: string): Promise<TestHost> {
  const port = await freePort()
  const settings = {
    PORT: String(port),
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    WEB_PROCESSES: '1',
    TEST_HOST: name,
  }
  const target = await startDeployTarget(settings, join(folder, 'srv'))
  return { name, target, url: `http://127.0.0.1:${port}` }
}

/** What `ssh <user>@<name>` has to know: the options of one command line would hold for both. */
function sshHost({ name, target: { ssh } }: TestHost): string {
  const [, port = '', key = ''] = /-p (\d+) -i (\S+)/.exec(ssh) ?? []
  return `Host ${name}
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${key}
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
`
}

const onBoth = () => [
  ...hosts.map(({ name, target }) => `${target.host.split('@')[0]}@${name}`),
  `--path=${join(folder, 'srv')}`,
  `--ssh=-F ${join(folder, 'config')}`,
]
/** Runs `npm run deploy` with both hosts. */
const deploy = (...words: string[]) => checkout.deploy(...words, ...onBoth())
const deployUntil = (what: RegExp) => checkout.deployUntil(what, ...onBoth())

/** Runs it while clients ask both hosts without pause; no request may fail. */
async function underLoad<T>(work: () => Promise<T>): Promise<T & { answered: number }> {
  const loads = hosts.map(({ url }) => startLoad(url, { connections: 8, path: '/ready' }))
  await until('load', () => loads.every((load) => load.answered() > 100))
  const result = await work()
  const ended = await Promise.all(loads.map((load) => load.stop()))
  expect(ended.map(({ failures }) => failures)).toEqual([{}, {}])
  return { ...result, answered: ended.reduce((sum, { ok }) => sum + ok, 0) }
}

const releasesOf = ({ target }: TestHost) => readdirSync(join(target.base, 'releases')).toSorted()
const currentOf = ({ target }: TestHost) =>
  readlinkSync(join(target.base, 'current')).replace('releases/', '')
const state = () => hosts.map((host) => [releasesOf(host), currentOf(host)])
const robots = () => Promise.all(hosts.map(async ({ url }) => (await fetch(`${url}/robots.txt`)).text()))
const answersReady = ({ url }: TestHost) =>
  fetch(`${url}/ready`).then(
    (reply) => reply.ok,
    () => false,
  )

test.skipIf(cannot)('the database is migrated once, and both hosts have the same release', () => {
  expect(first.said.match(/== migrations/g)).toHaveLength(1)
  expect(currentOf(hosts[0] as TestHost)).toBe(currentOf(hosts[1] as TestHost))
})

test.skipIf(cannot)('host by host a changed line is live, and no request fails', async () => {
  checkout.change('src/kit/system/pages.tsx', 'Disallow: /', 'Disallow: /second')
  const second = await underLoad(deploy)
  expect([second.code, second.said]).toEqual([0, expect.stringContaining('sent 1 of')])
  expect(second.said).toMatch(/@host-one\n== reload[^]*@host-two\n== reload/)
  for (const text of await robots()) expect(text).toContain('/second')
  process.stdout.write(
    `a one-line change on two hosts: ${second.seconds.toFixed(1)} s, ${second.answered} requests meanwhile, 0 failed\n`,
  )
})

test.skipIf(cannot)(
  'where the second host does not get ready, the first goes back too, and no request fails',
  async () => {
    const before = state()
    checkout.change('src/kit/system/pages.tsx', '/second', '/third')
    const broken = "if (process.env.TEST_HOST === 'host-two') throw new Error('broken')\n"
    checkout.change('src/server.ts', 'await runServer(', `${broken}await runServer(`)
    const failed = await underLoad(deploy)
    checkout.change('src/server.ts', broken, '')
    expect([failed.code, failed.said]).toEqual([1, expect.stringContaining('did not get ready')])
    expect(failed.said).toMatch(/@host-one\n== reload[^]*@host-two\n== reload[^]*back to/)
    expect(state()).toEqual(before)
    for (const text of await robots()) expect(text).toContain('/second')
    process.stdout.write(
      `taken back on two hosts: ${failed.seconds.toFixed(1)} s, ${failed.answered} requests meanwhile, 0 failed\n`,
    )
  },
)

test.skipIf(cannot)('where a host cannot be prepared, none changes', async () => {
  const before = state()
  const lock = join(hosts[1]?.target.base ?? '', 'releases/.deploying')
  mkdirSync(lock)
  const refused = await underLoad(deploy)
  expect([refused.code, refused.said]).toEqual([1, expect.stringContaining('Another deploy is under way')])
  rmSync(lock, { recursive: true })
  expect(state()).toEqual(before)
})

for (const [when, said] of [
  ['the first host is made ready', /== packages/],
  ['the first host takes it', /@host-one\n== reload/],
  ['the second host takes it', /@host-two\n== reload/],
] as const)
  test.skipIf(cannot)(
    `Ctrl-C while ${when}: both have the release of before, it says so, and no request fails`,
    async () => {
      const before = state()
      const stopped = await underLoad(() => deployUntil(said))
      expect([stopped.code, stopped.said]).toEqual([130, expect.stringContaining('== stopping')])
      for (const host of hosts) expect(stopped.said).toContain(`@${host.name}: ${currentOf(host)}\n`)
      expect(state()).toEqual(before)
      for (const text of await robots()) expect(text).toContain('/second')
      for (const { target } of hosts)
        expect(readdirSync(join(target.base, 'releases'))).not.toContain('.deploying')
    },
  )

test.skipIf(cannot)('a rollback takes both back, and no request fails', async () => {
  const before = currentOf(hosts[0] as TestHost)
  expect((await deploy()).code).toBe(0)
  for (const text of await robots()) expect(text).toContain('/third')
  const back = await underLoad(() => deploy('rollback'))
  expect([back.code, back.said]).toEqual([0, expect.stringContaining(`back to ${before}`)])
  expect(hosts.map(currentOf)).toEqual([before, before])
  for (const text of await robots()) expect(text).toContain('/second')
})
