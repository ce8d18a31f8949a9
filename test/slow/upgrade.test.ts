// A fork with changes of every ordinary kind takes up a newer kit: the kit's folders are replaced whole, and no file of the
// fork is touched. That takes commands that touch none of the kit.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { isKit, replaceKit } from '../../scripts/kit-folders.ts'
import { freePort } from '../../scripts/services/child.ts'
import { runTool } from '../../scripts/tool.ts'
import { type Checkout, cloneCheckout, copyCheckout } from '../kit/support/checkout.ts'
import { createEmptyDatabase, deletePrefix, serverEnv, uniquePrefix } from '../kit/support/services.ts'
import { until } from '../kit/support/until.ts'
import { expectGreen, SLOW_MS } from './green.ts'

let fork: Checkout
let newer: Checkout
beforeAll(() => {
  fork = cloneCheckout()
  newer = copyCheckout()
}, SLOW_MS)
afterAll(() => {
  fork.remove()
  newer.remove()
}, SLOW_MS)

test(
  'a fork that was renamed, ejected and extended takes up a newer kit, and no file of its own is touched',
  async () => {
    await command('rename', 'film-club')
    await command('remove', 'sample')
    await addResource()
    await addSettingRoleTaskAndCron()
    await changeKit()

    replaceKit(fork.root, newer.root)
    expect(changed().filter((path) => !isKit(path))).toEqual([])
    expect(await fork.run('settings')).toMatchObject({ code: 0 })
    const replaced = changed()
    expect(replaced.filter((path) => !isKit(path))).toEqual(['.env.example']) // made from the settings of both
    expect(replaced).toContain('src/kit/system/tide.ts')
    expect(replaced).toContain('src/kit/data/with-timeout.ts') // which goes
    await expectGreen(fork)
    await expectServes()
  },
  SLOW_MS,
)

/** Runs it in the fork and commits what it did. @returns what it changed, below the root */
async function command(script: string, ...args: string[]): Promise<string[]> {
  const { code, said } = await fork.run(script, args)
  expect({ script, code, said }).toMatchObject({ code: 0 })
  const paths = changed()
  expect(paths.filter((path) => isKit(path))).toEqual([])
  fork.commit(script)
  return paths
}

/** What differs from the last commit of the fork. */
function changed(): string[] {
  return fork
    .changes()
    .split('\n')
    .filter(Boolean)
    .map((line) => line.slice(3))
}

/** A folder, a test, a migration, and in app.ts the import and the route. */
async function addResource(): Promise<void> {
  const paths = await command('new', 'book', 'title:string')
  expect(paths.filter((path) => !/^(src\/books|drizzle)\//.test(path))).toEqual([
    'src/app.ts',
    'test/books.test.ts',
  ])
  expect(paths.filter((path) => path.endsWith('.sql'))).toHaveLength(1)
  expect(fork.git('diff', '--numstat', 'HEAD~1', '--', 'src/app.ts')).toStartWith('2\t0\t')
}

async function addSettingRoleTaskAndCron(): Promise<void> {
  await edit(fork, 'src/config.ts', [
    [
      "import { name, version } from '../package.json'",
      "import { z } from 'zod'\nimport { name, version } from '../package.json'\nimport { setting } from './kit/config/setting.ts'",
    ],
    [
      '    // One line for each setting of yours',
      "    greeting: setting('GREETING', z.string().default('Hello'), { about: 'What everybody hears' }),\n    // One line for each setting of yours",
    ],
  ])
  await edit(fork, 'src/account/roles.ts', [["'readonly', ", "'readonly', 'contributor', "]])
  await edit(fork, 'src/tasks.ts', [
    [
      '/** What a worker can run. */\nexport const tasks = [',
      `/** Greets everybody. */
export const greet = defineTask({
  name: 'greet',
  input: z.object({}),
  async run(_input, job, { config }: Deps) {
    job.log.info(config.greeting)
  },
})

/** What a worker can run. */
export const tasks = [greet, `,
    ],
  ])
  await edit(fork, 'src/crons.ts', [
    ['{ countAccounts }', '{ countAccounts, greet }'],
    [
      'crons = [',
      "crons = [\n  defineCron({ name: 'greeting', schedule: '0 8 * * *', task: greet, input: {} }),",
    ],
  ])
  await Bun.write(`${fork.root}/test/greeting.test.ts`, OWN_TEST)
  await command('settings')
  await command('generate', '--name', 'contributor')
}

const OWN_TEST = `// What this product has of its own.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { greet } from '../src/tasks.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('a contributor may read, and is no editor', async () => {
  const contributor = await app.member('contributor')
  expect((await contributor.get('/api/me')).body.me.role).toBe('contributor')
  expect((await contributor.post('/api/books', { title: 'Emma' })).status).toBe(401)
})

test('everybody is greeted, in the words of the settings', async () => {
  expect(app.config.greeting).toBe('Hello')
  expect(await app.deps.enqueue(greet, {})).toMatchObject({ id: expect.any(String) })
})
`

/** What the next version of a kit may bring: a file, another name for one inside of it, and a setting. */
async function changeKit(): Promise<void> {
  newer.git('mv', 'src/kit/data/with-timeout.ts', 'src/kit/data/time-limit.ts')
  for (const path of newer.git('grep', '-l', '/with-timeout.ts', '--', 'src').trim().split('\n')) {
    expect(isKit(path)).toBe(true)
    await edit(newer, path, [['/with-timeout.ts', '/time-limit.ts']])
  }
  const tide = `// Tells the tide.\nimport type { KitConfig } from '../config/kit-config.ts'\n\nexport const tideOf = ({ tide }: KitConfig) => String(tide)\n`
  await Bun.write(`${newer.root}/src/kit/system/tide.ts`, tide)
  await edit(newer, 'src/kit/config/kit-settings.ts', [
    [
      '  port: ',
      "  tide: setting('TIDE', integer(0, 9).default(0), { about: 'How high the water stands' }),\n  port: ",
    ],
  ])
  await edit(newer, 'src/kit/config/kit-config.ts', [
    ['    port: e.PORT,', '    port: e.PORT,\n    tide: e.TIDE,'],
  ])
  expect(await newer.run('settings')).toMatchObject({ code: 0 })
  await edit(newer, 'src/kit/middleware.ts', [
    [
      "import { health } from './system/health.ts'",
      "import { health } from './system/health.ts'\nimport { tideOf } from './system/tide.ts'",
    ],
    [
      '  app.use(withRequestContext)\n',
      "  app.use(withRequestContext)\n  app.use(async (c, next) => {\n    await next()\n    c.header('X-Tide', tideOf(config))\n  })\n",
    ],
  ])
  newer.commit('a newer kit')
}

/** Each replacement is to be made once; what is not found fails the test, and not its meaning. */
async function edit({ root, read }: Checkout, path: string, replacements: [string, string][]): Promise<void> {
  let text = read(path)
  for (const [from, to] of replacements) {
    expect(text).toContain(from)
    text = text.replace(from, () => to)
  }
  await Bun.write(`${root}/${path}`, text)
  await runTool(root, 'oxfmt', [path])
}

/** `npm start` of the fork: its migrations, its routes and its worker, on the newer kit. */
async function expectServes(): Promise<void> {
  const database = await createEmptyDatabase()
  const prefix = uniquePrefix()
  const port = await freePort()
  const env = {
    ...serverEnv(database.url, prefix),
    PWD: fork.root,
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: String(port),
    TIDE: '7',
  }
  const started = Bun.spawn([process.execPath, '--no-env-file', 'scripts/start.ts'], {
    cwd: fork.root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = Promise.all([started.stdout.text(), started.stderr.text()])
  try {
    await until('its API and its worker', async () => {
      if (started.exitCode !== null) throw new Error((await said).join(''))
      const { code, out } = await fork.run('status', ['--json'], env)
      const { processes } = code === 0 ? (JSON.parse(out) as { processes: { state: string }[] }) : {}
      return processes?.length === 2 && processes.every(({ state }) => state === 'ready')
    })
    const books = await fetch(`http://127.0.0.1:${port}/api/books`)
    expect([books.status, await books.json(), books.headers.get('x-tide')]).toEqual([200, [], '7'])
  } finally {
    started.kill('SIGTERM')
    await started.exited
    await said
    await deletePrefix(prefix)
    await database.drop()
  }
}
