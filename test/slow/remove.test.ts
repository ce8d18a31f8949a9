// `npm run remove` in a clean clone: each module that is there, and all of them. The check and the tests stay green, and
// nothing mentions what is gone. The whole suite runs when all are gone, else what one module alone can break;
// `WHOLE_SUITE=1 npm run test:slow -- test/slow/remove` runs all of it for each, for hours.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MODULES } from '../../scripts/remove/modules.ts'
import { readManifest } from '../../scripts/manifest.ts'
import { moduleOf, withShared } from '../../scripts/remove/remove.ts'
import { type Checkout, cloneCheckout } from '../kit/support/checkout.ts'
import { mentionsIn } from '../kit/support/mentions.ts'
import { ASK_WHAT_THERE_IS, expectGreen, SLOW_MS } from './green.ts'

const { restbun } = readManifest(join(import.meta.dir, '../..'))
const there = Object.keys(MODULES).filter((name) => !restbun?.removed?.includes(name))

let checkout: Checkout
beforeEach(() => {
  checkout = cloneCheckout()
}, SLOW_MS)
afterEach(() => checkout.remove(), SLOW_MS)

/** `path:line: text` of every file that speaks of a module. */
const mentionsOf = (names: string[]) =>
  mentionsIn(
    checkout.root,
    checkout.git('ls-files', '--cached', '--others', '--exclude-standard').split('\n'),
    names,
  )

test.each([...there.map((name) => [name]), there].map((names) => [names.join(' '), names] as const))(
  'without %s',
  async (_, named) => {
    const { code, said } = await checkout.run('remove', [...named])
    expect({ code, said }).toMatchObject({ code: 0 })
    const names = withShared([...named], restbun?.removed ?? [])
    expect(mentionsOf(names)).toEqual([])

    const { dependencies, devDependencies, restbun: kept } = readManifest(checkout.root)
    expect(kept?.removed).toEqual([...new Set([...(restbun?.removed ?? []), ...names])].toSorted())
    const gone = names.flatMap((name) => moduleOf(name).packages ?? [])
    const locked = checkout.read('package-lock.json')
    expect(gone.filter((name) => locked.includes(`${name}"`))).toEqual([])
    expect(await packagesOf(checkout.root)).toEqual(
      Object.keys({ ...dependencies, ...devDependencies }).toSorted(),
    )

    checkout.commit('removed')
    const again = await checkout.run('remove', names.slice(0, 1))
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('was removed already')])
    const isWhole = named.length === there.length || process.env.WHOLE_SUITE !== undefined
    await expectGreen(checkout, isWhole ? [] : concernedTests())
  },
  SLOW_MS,
)

/**
 * The tests that one module alone can break: those that lost a part, those of the modules that stay, and those that ask what
 * there is. What any other test needs of one module is missing as well when all are gone. The kit's own know no module.
 */
function concernedTests(): string[] {
  const changed = checkout.git('diff', '--name-only', 'HEAD~1').split('\n')
  const ofModules = Object.values(MODULES).flatMap(({ paths }) => paths)
  const files = [...changed, ...ofModules].filter((path) => /^test\/[\w-]+\.test\.ts$/.test(path))
  return [...new Set([...files, ...ASK_WHAT_THERE_IS])].filter((path) =>
    existsSync(join(checkout.root, path)),
  )
}

/** What `npm ls` shows, but for what lies in the shared node_modules and is asked for by nothing any more. */
async function packagesOf(root: string): Promise<string[]> {
  const child = Bun.spawn(['npm', 'ls', '--depth=0', '--json'], {
    cwd: root,
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const { dependencies } = (await child.stdout.json()) as {
    dependencies: Record<string, { extraneous?: boolean }>
  }
  return Object.entries(dependencies)
    .filter(([, { extraneous }]) => extraneous !== true)
    .map(([name]) => name)
    .toSorted()
}
