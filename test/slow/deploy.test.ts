// A deploy, for real: over ssh to a user without privileges, under load, of good releases and of bad ones.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

const cannot = missingToDeploy.length > 0 || process.platform !== 'linux'
if (cannot) process.stderr.write(`SKIPPED: deploys, which need Linux and ${missingToDeploy.join(', ')}\n`)

let checkout: DeployCheckout
let target: DeployTarget
let service: ReturnType<DeployTarget['startService']>
let database: TestDatabase
const prefix = uniquePrefix()
let url: string
let first: Awaited<ReturnType<typeof deploy>> | undefined

beforeAll(async () => {
  if (cannot) return
  checkout = checkoutToDeploy()
  database = await createEmptyDatabase("TEMPLATE template0 ENCODING 'UTF8'")
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  target = await startDeployTarget({
    PORT: String(port),
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    WEB_PROCESSES: '2',
  })
  first = await deploy()
  if (first.code !== 0) throw new Error(first.said)
  service = target.startService()
  await until('the service', answersReady)
})
afterAll(async () => {
  if (service) expect(await service.stop()).toBe(0)
  await target?.stop()
  await deletePrefix(prefix)
  await database?.drop()
  checkout?.remove()
})

/** Runs `npm run deploy` in the checkout. */
const deploy = (...words: string[]) =>
  checkout.deploy(...words, target.host, '--path', target.base, `--ssh=${target.ssh}`)

/** Runs it while clients ask without pause; no request may fail. */
async function underLoad<T>(work: () => Promise<T>): Promise<T & { answered: number }> {
  const load = startLoad(url, { connections: 16, path: '/ready' })
  await until('load', () => load.answered() > 100)
  const result = await work()
  const { ok, failures } = await load.stop()
  expect(failures).toEqual({})
  return { ...result, answered: ok }
}

const releases = () => readdirSync(join(target.base, 'releases')).toSorted()
const current = () => readlinkSync(join(target.base, 'current')).replace('releases/', '')
const answersReady = () =>
  fetch(`${url}/ready`).then(
    (reply) => reply.ok,
    () => false,
  )
const robots = async () => (await fetch(`${url}/robots.txt`)).text()
const inode = (release: string, path: string) => statSync(join(target.base, 'releases', release, path)).ino

test.skipIf(cannot)('the first deploy fetches Bun, installs, migrates, and ships no tests', async () => {
  expect([first?.code, first?.said]).toEqual([0, expect.stringMatching(/fetching Bun[^]*applied \d+ of/)])
  const [oldest = ''] = releases()
  expect(readdirSync(join(target.base, 'releases', oldest))).not.toContain('test')
  expect(statSync(join(target.base, 'shared/.env')).mode & 0o077).toBe(0)
})

test.skipIf(cannot)('a changed line is live within seconds, and no request fails', async () => {
  const before = current()
  checkout.change('src/kit/system/pages.tsx', 'Disallow: /', 'Disallow: /second')
  const dry = await deploy('--dry-run')
  expect([dry.code, dry.said]).toEqual([0, expect.stringContaining('would send 1 of')])
  expect(releases()).toEqual([before])

  const second = await underLoad(deploy)
  expect([second.code, second.said]).toEqual([0, expect.stringContaining('sent 1 of')])
  expect(await robots()).toContain('/second')
  expect(current()).toEndWith('-dirty')
  expect(inode(current(), 'src/app.ts')).toBe(inode(before, 'src/app.ts')) // one file, two names
  expect(inode(current(), 'src/kit/system/pages.tsx')).not.toBe(inode(before, 'src/kit/system/pages.tsx'))
  process.stdout.write(
    `a one-line change: ${second.seconds.toFixed(1)} s, ${second.answered} requests meanwhile, 0 failed\n${second.said}`,
  )
})

test.skipIf(cannot)(
  'a release that does not start is taken back by itself, and no request fails',
  async () => {
    const before = [releases(), current()]
    checkout.change('src/server.ts', 'await runServer(', "throw new Error('broken')\nawait runServer(")
    const broken = await underLoad(deploy)
    expect([broken.code, broken.said]).toEqual([1, expect.stringContaining(`${current()} serves on`)])
    expect([releases(), current()]).toEqual(before)
    expect(await robots()).toContain('/second')
    checkout.change('src/server.ts', "throw new Error('broken')\n", '')
  },
)

test.skipIf(cannot)('a release whose migration fails changes nothing', async () => {
  const before = [releases(), current()]
  const journal = join(checkout.folder, 'drizzle/meta/_journal.json')
  const text = readFileSync(journal, 'utf8')
  const entries = (JSON.parse(text) as { entries: { idx: number; when: number }[] }).entries
  const last = entries.at(-1)
  const bad = { ...last, idx: entries.length, when: (last?.when ?? 0) + 1, tag: '9999_bad' }
  writeFileSync(journal, JSON.stringify({ ...JSON.parse(text), entries: [...entries, bad] }))
  writeFileSync(join(checkout.folder, 'drizzle/9999_bad.sql'), 'select * from nowhere')
  const failed = await underLoad(deploy)
  expect([failed.code, failed.said]).toEqual([1, expect.stringContaining('nowhere')])
  expect([releases(), current()]).toEqual(before)
  writeFileSync(journal, text)
  rmSync(join(checkout.folder, 'drizzle/9999_bad.sql'))
})

test.skipIf(cannot)('a rollback brings the release before back, and no request fails', async () => {
  const before = current()
  checkout.change('src/kit/system/pages.tsx', 'Disallow: /', 'Disallow: /regretted')
  expect((await deploy()).code).toBe(0)
  checkout.change('src/kit/system/pages.tsx', 'Disallow: /regretted', 'Disallow: /')
  expect(await robots()).toContain('/regretted')
  const back = await underLoad(() => deploy('rollback'))
  expect([back.code, back.said]).toEqual([0, expect.stringContaining(`back to ${before}`)])
  expect(await robots()).not.toContain('/regretted')
  const { said } = await deploy('status')
  expect(said).toContain(`* ${before}`)
  expect(said).toContain('server 2')
})

test.skipIf(cannot)('of two deploys at once one is refused', async () => {
  const both = await Promise.all([deploy(), deploy()])
  expect(both.map(({ code }) => code).toSorted()).toEqual([0, 1])
  expect(both.find(({ code }) => code === 1)?.said).toContain('Another deploy is under way')
})

test.skipIf(cannot)('five releases are kept', async () => {
  for (let i = 0; i < 5; i++) expect((await deploy()).code).toBe(0)
  expect(releases()).toHaveLength(5)
  expect(releases().at(-1)).toBe(current())
  expect(readdirSync(join(target.base, 'bun'))).toHaveLength(1)
})
