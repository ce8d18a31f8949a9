// `npm run release`: what it asks of a release, and that nothing has changed where something is missing.
import { afterAll, beforeEach, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../../package.json'
import { madeFrom } from '../../../scripts/kit-checksums.ts'
import { type Checkout, copyCheckout } from '../support/checkout.ts'

const GIT = {
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
}

// A project makes no releases of the kit.
describe.skipIf(madeFrom(join(import.meta.dir, '../../..')) !== undefined)('npm run release', () => {
  let kit: Checkout
  beforeAll(() => {
    kit = copyCheckout()
    for (const page of ['CHANGELOG.md', 'UPGRADING.md'])
      write(page, `${kit.read(page)}\n## 99.0.0\n\nNews.\n`)
    write('CHANGELOG.md', `${kit.read('CHANGELOG.md')}\n## 98.0.0\n\nOld news.\n`)
    // What the lanes run is tested elsewhere: here they pass, or do not.
    write(
      'package.json',
      kit.read('package.json').replaceAll(/("(?:check|test)": )"[^"]*"/g, '$1"exit ${LANE:-0}"'),
    )
    kit.commit('ready')
    kit.git('tag', 'ready')
  })
  beforeEach(() => {
    kit.git('reset', '--quiet', '--hard', 'ready')
    kit.git('clean', '--quiet', '-fd')
  })
  afterAll(() => kit.remove())

  const write = (path: string, text: string) => writeFileSync(join(kit.root, path), text)
  const release = (args: string[], env: Record<string, string> = {}) =>
    kit.run('release', args, { ...GIT, ...env })
  const state = () => [kit.changes(), kit.git('tag').trim(), kit.git('log', '--format=%s', '-1').trim()]
  const UNTOUCHED = ['', 'ready', 'ready']

  test.each([
    ['1.2', 2, 'Which version?'],
    ['0.0.1', 1, `package.json says ${version} already`],
    ['97.0.0', 1, 'CHANGELOG.md has no section "## 97.0.0"'],
    ['98.0.0', 1, 'UPGRADING.md has no section "## 98.0.0"'],
  ])('%s ends with %p: %s', async (to, code, why) => {
    expect(await release([to])).toMatchObject({ code, err: expect.stringContaining(why) })
    expect(state()).toEqual(UNTOUCHED)
  })

  test('what is not committed is in the way', async () => {
    write('src/new.ts', '')
    expect(await release(['99.0.0'])).toMatchObject({ code: 1, err: expect.stringContaining('src/new.ts') })
  })

  test('a lane that fails releases nothing, and the version is as it was', async () => {
    const { code, err } = await release(['99.0.0'], { LANE: '1' })
    expect([code, err]).toEqual([1, expect.stringContaining('npm run check failed')])
    expect(state()).toEqual(UNTOUCHED)
  })

  test('where all pass, the version is committed and tagged, its package is there, and it is not made again', async () => {
    const { code, out } = await release(['99.0.0'])
    expect([code, out]).toEqual([0, expect.stringContaining('npm publish')])
    expect(state()).toEqual(['', 'ready\nv99.0.0', 'Version 99.0.0'])
    const file = join(kit.root, '.data/releases/create-restbun-99.0.0.tgz')
    expect(existsSync(file)).toBe(true)
    const { stdout } = Bun.spawnSync(['tar', '-xzOf', file, 'package/package.json'])
    expect(JSON.parse(stdout.toString())).toMatchObject({
      name: 'create-restbun',
      version: '99.0.0',
      security: [],
    })
    expect(await release(['99.0.0'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('a release is made once'),
    })
    kit.git('tag', '--delete', 'v99.0.0')
  })
})
