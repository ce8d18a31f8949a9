// `npm run rename`: the project under another name, as often as one likes, and never under a bad one.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { name as project } from '../../../package.json'
import { copyCheckout, type Checkout } from '../support/checkout.ts'

const KIT = 'restbun'
const isKit = project === KIT

/** The kit as it is; made of a project, whatever that is called and has written about itself. */
async function copyKit(): Promise<Checkout> {
  const copy = copyCheckout()
  if (isKit) return copy
  expect(await copy.run('rename', [KIT])).toMatchObject({ code: 0 })
  await Bun.write(join(copy.root, 'README.md'), `# ${KIT}\n\nThe back end of a product, to fork.\n`)
  copy.commit('the kit')
  copy.keep()
  return copy
}

let checkout: Checkout
beforeAll(async () => {
  checkout = await copyKit()
})
beforeEach(() => checkout.restore())
afterAll(() => checkout.remove())

test.each(['MyApp', '2fast', 'my_app', '@me/app', 'my--app', '', 'a'.repeat(41), '../x'])(
  '"%s" is refused, and nothing changes',
  async (name) => {
    const { code, err } = await checkout.run('rename', [name])
    expect([code, checkout.changes()]).toEqual([2, ''])
    expect(err).toContain('How it is called: npm run rename')
  },
)

test.each([
  ['http', 'Node has a module of it'],
  ['hono', 'depends on'],
  ['postgres', 'depends on'],
  ['template1', 'Postgres has for itself'],
  [KIT, 'already'],
])('"%s" is refused, because of: %s', async (name, why) => {
  const { code, err } = await checkout.run('rename', [name])
  expect([code, checkout.changes()]).toEqual([1, ''])
  expect(err).toContain(why)
})

test('every place has the new name, a second one follows, and each change is told', async () => {
  let old = KIT
  // The second is a word that stands everywhere: only the name itself may change.
  for (const name of ['xylophone-club', 'test', 'xylophone']) {
    const { code, out } = await checkout.run('rename', [name])
    expect(code).toBe(0)
    for (const place of ['package.json', 'package-lock.json', 'README.md', '.env.example'])
      expect(out).toContain(place)
    expect(out).toContain(`REDIS_PREFIX=${old}:`)
    if (isKit && old === KIT) {
      // A new place of it is to be decided on: what can reads package.json, the others are in scripts/rename.ts.
      const { stdout } = Bun.spawnSync(['git', 'grep', '-lw', old], { cwd: checkout.root })
      const left = stdout.toString().split('\n').filter(Boolean)
      const seen = left.filter((path) => !/^(test|scripts(?!\/deploy))\//.test(path))
      // In package.json what the kit keeps there goes by the kit's name.
      const manifest = JSON.parse(checkout.read('package.json')) as Record<string, unknown>
      const known = [
        'LICENSE',
        'CHANGELOG.md',
        'src/TUTORIAL.md',
        ...(Object.hasOwn(manifest, old) ? ['package.json'] : []),
      ]
      expect(seen.filter((path) => !known.includes(path))).toEqual([])
    }
    expect(JSON.parse(checkout.read('package.json'))).toMatchObject({
      name,
      scripts: { test: expect.any(String) },
    })
    const lock = JSON.parse(checkout.read('package-lock.json'))
    expect([lock.name, lock.packages[''].name]).toEqual([name, name])
    expect(checkout.read('README.md')).toStartWith(`# ${name}\n`)
    expect(checkout.read('compose.yaml')).toContain(`\nname: ${name}\n`)
    expect(checkout.read('.env.example')).toContain(`REDIS_PREFIX=${name}:`)
    old = name
  }
  expect(checkout.git('diff', '--stat', '--', 'src', 'test', 'scripts', 'LICENSE')).toBe('')
})

test('the README is about the project and not about the kit, and keeps what is written into it', async () => {
  const fork = await copyKit()
  try {
    expect(await fork.run('rename', ['film-club'])).toMatchObject({ code: 0 })
    const page = fork.read('README.md')
    expect(page).toStartWith('# film-club\n')
    expect(page).not.toMatch(/restbun|fork|sample|movies|bench|figures|decisions/i)
    for (const [, target = ''] of page.matchAll(/\]\((?!https:)([^)]+)\)/g))
      expect([target, existsSync(join(fork.root, target))]).toEqual([target, true])
    const pages = [...new Bun.Glob('*.md').scanSync(fork.root)]
    expect(pages.filter((path) => /bench|figures|decisions/i.test(path))).toEqual([])

    const own = page.replace('Say here what it does, and for whom.', 'It lends films.')
    await Bun.write(join(fork.root, 'README.md'), own)
    expect(await fork.run('rename', ['film-house'])).toMatchObject({ code: 0 })
    expect(fork.read('README.md')).toBe(own.replace('film-club', 'film-house'))
  } finally {
    fork.remove()
  }
})

test('code that runs takes the name from package.json', async () => {
  const name = 'xylophone'
  expect(await checkout.run('rename', [name])).toMatchObject({ code: 0 })
  const script = `const { loadConfig } = await import('${checkout.root}/src/config.ts')
      const { name, redisPrefix, mail } = loadConfig({ DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x' })
      console.log(JSON.stringify([name, redisPrefix, mail.from]))`
  const child = Bun.spawnSync([process.execPath, '-e', script])
  expect(JSON.parse(child.stdout.toString())).toEqual([name, `${name}:`, `${name} <noreply@localhost>`])
})
