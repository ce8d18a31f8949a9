// The tutorial, as its reader has it: each of its boxes in order, in a project that `npm create` makes, held against what they show.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readManifest } from '../../scripts/manifest.ts'
import { packRelease } from '../../scripts/release/pack.ts'
import { copyCheckout } from '../kit/support/checkout.ts'
import { findChromium, launchChromium } from '../kit/support/chromium.ts'
import { blocksOf, follow, pathOfPerson } from '../kit/support/page.ts'
import { startRegistry } from '../kit/support/registry.ts'
import { type DeployTarget, missingToDeploy, startDeployTarget } from '../kit/support/server-to-deploy.ts'
import {
  createEmptyDatabase,
  deletePrefix,
  redisUrl,
  type TestDatabase,
  uniquePrefix,
} from '../kit/support/services.ts'
import { openTerminal, type Terminal } from '../kit/support/terminal.ts'
import { until } from '../kit/support/until.ts'
import { SLOW_MS } from './green.ts'
import { say, step } from './step.ts'
import { freePort } from '../kit/support/ports.ts'

const ROOT = join(import.meta.dir, '../..')
const PAGE = 'src/TUTORIAL.md'
/** A deploy, in the page's words. */
const HOST = 'club@club.example.com'

setDefaultTimeout(SLOW_MS)

const manifest = readManifest(ROOT)
/** A project has fewer modules, its own name, or no such page. */
const isWhole = manifest.name === 'restbun' && !Object.hasOwn(manifest, 'restbun')
describe.skipIf(!isWhole)('the tutorial', () => {
  const cannotDeploy = missingToDeploy.length > 0 || process.platform !== 'linux'
  const prefix = uniquePrefix()
  let place: string
  let registry: ReturnType<typeof startRegistry>
  let database: TestDatabase
  let target: DeployTarget | undefined
  let terminal: Terminal
  /** What stands on the page, and what it is on this machine. */
  let ours: Record<string, string>
  let deployedTo: number

  beforeAll(async () => {
    place = realpathSync(mkdtempSync(join(tmpdir(), 'tutorial-')))
    const kit = copyCheckout()
    registry = startRegistry(await packRelease(kit.root, place))
    kit.remove()
    // The packages of this machine, and none of the releases of another run.
    mkdirSync(join(place, 'npm'))
    symlinkSync(join(homedir(), '.npm/_cacache'), join(place, 'npm/_cacache'))
    database = await createEmptyDatabase("TEMPLATE template0 ENCODING 'UTF8'")
    deployedTo = await freePort()
    const port = String(await freePort())
    ours = { 'localhost:8100': `localhost:${port}`, 5173: String(await freePort()) }
    if (!cannotDeploy) {
      target = await startDeployTarget({
        PORT: String(deployedTo),
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl(),
        REDIS_PREFIX: prefix,
        SECRET_KEYS: Buffer.alloc(32, 7).toString('base64url'),
      })
      ours[HOST] = `${target.host} --path ${target.base} --ssh='${target.ssh}'`
    }
    terminal = openTerminal(place, {
      HOME: homedir(),
      PATH: pathOfPerson(),
      PORT: port,
      GIT_AUTHOR_NAME: 'Ann',
      GIT_AUTHOR_EMAIL: 'ann@example.com',
      GIT_COMMITTER_NAME: 'Ann',
      GIT_COMMITTER_EMAIL: 'ann@example.com',
      npm_config_registry: registry.url,
      npm_config_cache: join(place, 'npm'),
      npm_config_yes: 'true', // asked whether it may fetch create-restbun, a person says so
    })
  })
  afterAll(async () => {
    await terminal?.close()
    await target?.stop()
    await registry?.stop()
    await deletePrefix(prefix)
    await database?.drop()
    rmSync(place, { recursive: true })
  })

  test('each box does what it shows', async () => {
    const began = performance.now()
    const blocks = blocksOf(ROOT, PAGE).filter(({ text }) => !cannotDeploy || !text.includes(HOST))
    await follow(blocks, {
      terminal,
      ours,
      step: ({ text }, run) => step(text.split('\n')[0] ?? '', run),
    })
    say('all of the tutorial', began)
  })

  const chromium = findChromium()
  test.skipIf(chromium === undefined)('the page of the club shows a booking when it is made', async () => {
    const browser = await launchChromium(chromium ?? '')
    try {
      const page = await (await browser.newContext()).newPage()
      await page.goto(`http://${ours['localhost:8100']}/api/auth/sign-in`)
      await page.fill('[name=email]', 'bob@example.com')
      await page.fill('[name=password]', 'Violet7Kettle')
      await Promise.all([page.waitForNavigation(), page.click('form button')])
      const listens = page.waitForResponse((reply) => reply.url().includes('/api/channels'))
      await page.goto(`http://localhost:${ours[5173]}`)
      expect((await listens).status()).toBe(200)
      const times = '{"starts":"2027-05-03T10:00:00Z","ends":"2027-05-03T11:00:00Z"}'
      await terminal.run(`as cleo $api/courts/1/bookings --json '${times}'`)
      await page.waitForSelector('li')
      expect(await page.textContent('li')).toBe('from 2027-05-03T10:00:00.000Z to 2027-05-03T11:00:00.000Z')
    } finally {
      await browser.close()
    }
  })

  test.skipIf(cannotDeploy)('what was deployed serves the club', async () => {
    const service = target?.startService()
    try {
      const courts = () => fetch(`http://127.0.0.1:${deployedTo}/api/courts`).catch(() => undefined)
      const reply = await until('the service', courts)
      expect([reply.status, await reply.json()]).toEqual([200, []])
    } finally {
      expect(await service?.stop()).toBe(0)
    }
  })
})
