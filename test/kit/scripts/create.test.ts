// `npm create restbun`, from its package: what it makes, and that nothing is left of what it could not make.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dependencies, version } from '../../../package.json'
import { madeFrom } from '../../../scripts/kit-checksums.ts'
import { packRelease } from '../../../scripts/release/pack.ts'
import { MODULES as DECLARED } from '../../../scripts/remove/modules.ts'
import { copyCheckout, openCheckout } from '../support/checkout.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dir, '../../..')
const MODULES = Object.keys(DECLARED)
const AUTHOR = { GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com' }
const GIT = {
  ...AUTHOR,
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
}

// A project makes no releases of the kit.
describe.skipIf(madeFrom(ROOT) !== undefined)('npm create restbun', () => {
  let folder: string
  /** Projects in it find the packages of this checkout, and install none. */
  let shared: string
  let command: string

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'create-test-')))
    shared = join(folder, 'shared')
    const kit = copyCheckout()
    const file = await packRelease(kit.root, folder)
    kit.remove()
    expect(Bun.spawnSync(['tar', '-xzf', file, '-C', folder]).success).toBe(true)
    command = join(folder, 'package/create.mjs')
    mkdirSync(shared)
    symlinkSync(join(ROOT, 'node_modules'), join(shared, 'node_modules'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  async function create(args: string[], { cwd = shared, env = {} }: { cwd?: string; env?: object } = {}) {
    const child = Bun.spawn([Bun.which('node') ?? 'node', command, ...args], {
      cwd,
      env: { ...process.env, ...GIT, ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    return { code, err, said: out + err }
  }

  test('the package holds the command and the release, and nothing else', () => {
    expect(readdirSync(join(folder, 'package')).toSorted()).toEqual(
      ['LICENSE', 'README.md', 'create.mjs', 'package.json', 'release.tgz'].toSorted(),
    )
  })

  test('the core alone is made, under its name, and committed', async () => {
    expect(await create(['film-club', '--yes'])).toMatchObject({ code: 0 })
    const project = openCheckout(join(shared, 'film-club'))
    expect(JSON.parse(project.read('package.json'))).toMatchObject({
      name: 'film-club',
      version: '0.1.0',
      restbun: { removed: MODULES.toSorted() },
    })
    for (const path of [
      '.gitignore',
      '.oxlintrc.json',
      '.ci/run',
      'test/slow/edge/.npmrc',
      '.editorconfig',
      '.github/dependabot.yml',
    ]) {
      expect([path, existsSync(join(project.root, path))]).toEqual([path, true])
    }
    for (const path of ['test/seed.test.ts', 'CHANGELOG.md', 'src/TUTORIAL.md']) {
      expect([path, existsSync(join(project.root, path))]).toEqual([path, false])
    }
    for (const page of ['README.md', 'src/README.md'])
      expect([page, project.read(page)]).toEqual([page, expect.not.stringContaining('TUTORIAL.md')])
    const workflow = Bun.YAML.parse(project.read('.github/workflows/ci.yml'))
    expect(workflow).toMatchObject({ jobs: { ci: { steps: expect.arrayContaining([{ run: '.ci/run' }]) } } })
    expect(madeFrom(project.root)).toBe(version)
    expect([project.changes(), project.git('log', '--format=%s').trim()]).toEqual([
      '',
      `A project on restbun ${version}`,
    ])
  })

  test('modules that are named are there, in a folder that was empty; without git all but the commit is made', async () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    for (const tool of ['node', 'npm', 'tar', 'gzip', 'sh', 'env'])
      symlinkSync(Bun.which(tool) ?? tool, join(bin, tool))
    mkdirSync(join(shared, 'with-sample'))
    const { code, said } = await create(['with-sample', '--sample'], { env: { PATH: bin } })
    expect([code, said]).toEqual([0, expect.stringContaining('git is not here')])
    const project = openCheckout(join(shared, 'with-sample'))
    expect(JSON.parse(project.read('package.json')).restbun.removed).not.toContain('sample')
    expect([
      existsSync(join(project.root, 'test/seed.test.ts')),
      existsSync(join(project.root, '.git')),
    ]).toEqual([existsSync(join(ROOT, 'test/seed.test.ts')), false])
  })

  test('on a terminal it asks for the folder and for the modules', async () => {
    let shown = ''
    const child = Bun.spawn(['node', command], {
      cwd: shared,
      env: { ...process.env, ...GIT },
      terminal: { data: (_terminal, bytes) => void (shown += new TextDecoder().decode(bytes)) },
    })
    for (const [question, answer] of [
      ['Folder', 'asked-app'],
      ['Modules', 'channels job-status'],
    ] as const) {
      await until(question, () => shown.includes(question))
      child.terminal?.write(`${answer}\r`)
    }
    const code = await child.exited
    child.terminal?.close()
    expect([code, shown]).toEqual([0, expect.any(String)])
    const { removed } = JSON.parse(openCheckout(join(shared, 'asked-app')).read('package.json')).restbun
    expect(removed).toEqual(MODULES.filter((module) => !/channels|job-status/.test(module)).toSorted())
  })

  const [aPackage = ''] = Object.keys(dependencies).filter((name) => !name.startsWith('@'))
  test.each([
    [['Film_Club'], 2, 'cannot be the name'],
    [['http'], 1, 'Node has a module of it'],
    [[aPackage], 1, 'a package that this project depends on'],
    [['some-app', '--with', 'fax'], 2, `There is no module "fax": there are ${MODULES.join(', ')}`],
    [['some-app', '--with', 'sampel'], 2, 'There is no module "sampel": did you mean sample?'],
    [['some-app', 'other'], 2, 'Unexpected argument "other"'],
    [[], 2, 'Which folder?'],
  ])('%p is refused with %p: %s, and no folder is made', async (args, code, why) => {
    const before = readdirSync(shared)
    expect(await create(args)).toMatchObject({ code, err: expect.stringContaining(why) })
    expect(readdirSync(shared)).toEqual(before)
  })

  test('a folder that is not empty is refused, and stays as it is', async () => {
    const full = join(shared, 'full')
    mkdirSync(full)
    writeFileSync(join(full, 'mine.txt'), '')
    expect(await create(['full'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('full is not empty'),
    })
    expect(readdirSync(full)).toEqual(['mine.txt'])
  })

  test.each(['new/one/my-app', 'my-app'])('without a network nothing is left of %s', async (path) => {
    const cwd = mkdtempSync(join(folder, 'alone-'))
    if (path === 'my-app') mkdirSync(join(cwd, path))
    const before = readdirSync(cwd)
    const env = {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_cache: join(folder, 'empty'),
      npm_config_fetch_retries: '0',
      npm_config_user_agent: 'npm/11',
    }
    const { code, err } = await create([path], { cwd, env })
    expect(code).toBe(1)
    expect(err).toContain('The packages could not be installed')
    expect(err).toContain('No project was made')
    expect(readdirSync(cwd)).toEqual(before)
    expect(readdirSync(join(cwd, before[0] ?? '.'))).toEqual([])
  })
})
