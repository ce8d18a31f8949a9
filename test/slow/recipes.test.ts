// The recipes of all pages, one after the other in one checkout: each does what it shows, and all together pass the check.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { listKnown } from '../../scripts/git.ts'
import { readManifest } from '../../scripts/manifest.ts'
import { type Checkout, copyCheckout } from '../kit/support/checkout.ts'
import { blocksOf, follow, pathOfPerson } from '../kit/support/page.ts'
import { openTerminal, type Terminal } from '../kit/support/terminal.ts'
import { SLOW_MS } from './green.ts'
import { step } from './step.ts'
import { freePort } from '../kit/support/ports.ts'

const ROOT = join(import.meta.dir, '../..')
const manifest = readManifest(ROOT)
/** Whoever stands on it may have changed what they begin with. */
const isWhole = manifest.name === 'restbun' && !Object.hasOwn(manifest, 'restbun')

/** In the order of the pages. */
const recipes = (listKnown(ROOT) ?? [])
  .filter((path) => path.endsWith('.md'))
  .flatMap((path) => blocksOf(ROOT, path).filter(({ heading }) => heading.startsWith('Recipe: ')))
const names = [...new Set(recipes.map(({ heading }) => heading))]

setDefaultTimeout(SLOW_MS)

describe.skipIf(!isWhole)('of the pages', () => {
  let checkout: Checkout
  let terminal: Terminal
  let port: number
  beforeAll(async () => {
    checkout = copyCheckout()
    port = await freePort()
    terminal = openTerminal(checkout.root, {
      HOME: homedir(),
      PATH: pathOfPerson(),
      PORT: String(port),
      LOG_FILE: 'app.log',
    })
    await terminal.leaveRunning('npm run dev', (said) => said.includes('Ctrl-C ends it'))
    const { said, code } = await terminal.run(
      'echo Violet7Kettle | npm run user -- create ann@example.com --password-stdin',
    )
    expect([said, code]).toEqual([expect.any(String), 0])
  })
  afterAll(async () => {
    await terminal?.close()
    checkout?.remove()
  })

  test.each(names)('%s', async (name) => {
    const blocks = recipes.filter(({ heading }) => heading === name)
    expect(blocks.some(({ language }) => language === 'sh')).toBe(true)
    await follow(blocks, { terminal, ours: { 'localhost:8100': `localhost:${port}` } })
  })

  test('with all of them the check passes', async () => {
    const check = await step('npm run check', () => checkout.run('check'))
    expect(check.code === 0 ? '' : check.said).toBe('')
  })
})
