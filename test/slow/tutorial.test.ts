// The tutorial, as its reader has it: each of its boxes in order, in a project that `npm create` makes, held against what they show.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { packRelease } from '../../scripts/release/pack.ts'
import { copyCheckout } from '../kit/support/checkout.ts'
import { findChromium, launchChromium } from '../kit/support/chromium.ts'
import { applyBlock, type Block, blocksOf, isShown, openTerminal } from '../kit/support/page.ts'
import { startRegistry } from '../kit/support/registry.ts'
import { type DeployTarget, missingToDeploy, startDeployTarget } from '../kit/support/server-to-deploy.ts'
import {
  createEmptyDatabase,
  deletePrefix,
  redisUrl,
  type TestDatabase,
  uniquePrefix,
} from '../kit/support/services.ts'
import { freePort } from '../kit/support/supervised.ts'
import { until } from '../kit/support/until.ts'
import { SLOW_MS } from './green.ts'
import { say, step } from './step.ts'

const ROOT = join(import.meta.dir, '../..')
const PAGE = 'src/TUTORIAL.md'
/** A deploy, in the page's words. */
const HOST = 'club@club.example.com'

setDefaultTimeout(SLOW_MS)

// A project that `npm create` has made has no such page.
describe.skipIf(!existsSync(join(ROOT, PAGE)))('the tutorial', () => {
  const cannotDeploy = missingToDeploy.length > 0 || process.platform !== 'linux'
  const prefix = uniquePrefix()
  let place: string
  let registry: ReturnType<typeof startRegistry>
  let database: TestDatabase
  let target: DeployTarget | undefined
  let terminal: ReturnType<typeof openTerminal>
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
    ours = { 'localhost:8100': `localhost:${await freePort()}`, 5173: String(await freePort()) }
    if (!cannotDeploy) {
      target = await startDeployTarget({
        PORT: String(deployedTo),
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl(),
        REDIS_PREFIX: prefix,
        SECRET_KEYS: `1:${Buffer.alloc(32, 7).toString('base64')}`,
      })
      ours[HOST] = `${target.host} --path ${target.base} --ssh='${target.ssh}'`
    }
    terminal = openTerminal(place, {
      HOME: homedir(),
      PATH: (process.env.PATH ?? '').split(delimiter).filter((path) => !path.includes('node_modules')).join(delimiter),
      PORT: ours['localhost:8100']?.split(':')[1] ?? '',
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

  const inOurs = (text: string) =>
    Object.entries(ours).reduce((changed, [theirs, own]) => changed.replaceAll(theirs, own), text)

  test('each box does what it shows', async () => {
    const began = performance.now()
    const blocks = blocksOf(ROOT, PAGE)
    for (const [i, block] of blocks.entries()) {
      const next = blocks[i + 1]
      if (block.language === 'text') continue
      if (block.language !== 'sh') {
        const path = applyBlock(await terminal.currentFolder(), { ...block, text: inOurs(block.text) })
        expect([block.place, path]).toEqual([block.place, expect.any(String)])
        continue
      }
      if (cannotDeploy && block.text.includes(HOST)) continue
      await step(block.text.trim().split('\n')[0] ?? '', () =>
        run(block, next?.language === 'text' ? inOurs(next.text) : undefined),
      )
    }
    say('all of the tutorial', began)
  })

  /** @param shown what the page shows behind it */
  async function run({ text, words, place }: Block, shown: string | undefined): Promise<void> {
    const commands = inOurs(text)
    if (words.includes('terminal')) return terminal.leaveRunning(commands, shown ?? '...')
    let { said, code } = await terminal.run(commands)
    const isRight = () => code === 0 && (shown === undefined || isShown(shown, said))
    if (words.includes('until'))
      await until(`${place} to show\n${shown}`, async () => {
        ;({ said, code } = await terminal.run(commands))
        return isRight()
      })
    if (!isRight()) throw new Error(`${place} ended with ${code}. It shows\n${shown}\nand says\n${said}`)
  }
})
