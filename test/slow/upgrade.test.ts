// The life of a project: made by `npm create` of release A, changed in every ordinary way, upgraded to B while its service runs,
// then to C, then on its own. It prints what each step took.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { findEdited } from '../../scripts/kit-checksums.ts'
import { isKit } from '../../scripts/kit-folders.ts'
import { packRelease } from '../../scripts/release/pack.ts'
import { freePort } from '../kit/support/ports.ts'
import { runTool } from '../../scripts/tool.ts'
import { type Checkout, cloneCheckout, copyCheckout, openCheckout } from '../kit/support/checkout.ts'
import { startRegistry } from '../kit/support/registry.ts'
import {
  createEmptyDatabase,
  deletePrefix,
  serverEnv,
  type TestDatabase,
  uniquePrefix,
} from '../kit/support/services.ts'
import { until } from '../kit/support/until.ts'
import { SLOW_MS } from './green.ts'
import { log, say, step } from './step.ts'

const GIT = {
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
}
/** Where A, B and C are made. */
let kit: Checkout
let place: string
let registry: ReturnType<typeof startRegistry>
let database: TestDatabase
const prefix = uniquePrefix()

beforeAll(async () => {
  kit = copyCheckout()
  place = realpathSync(mkdtempSync(join(tmpdir(), 'upgrades-')))
  registry = startRegistry(await packRelease(kit.root, place))
  // The packages of this machine, and none of the releases of another run.
  mkdirSync(join(place, 'npm'))
  symlinkSync(join(homedir(), '.npm/_cacache'), join(place, 'npm/_cacache'))
  database = await createEmptyDatabase()
}, SLOW_MS)
afterAll(async () => {
  await registry.stop()
  kit.remove()
  rmSync(place, { recursive: true })
  await deletePrefix(prefix)
  await database.drop()
}, SLOW_MS)

/** As a person's shell has it; npm finds the registry of this test. */
const shell = () => ({
  ...GIT,
  npm_config_registry: registry.url,
  npm_config_cache: join(place, 'npm'),
  npm_config_yes: 'true',
})

test(
  'a project is made, grows, and stays green, whole and in service through two upgrades',
  async () => {
    const began = performance.now()
    const made = await step('npm create', () =>
      npm(
        place,
        'create',
        `restbun@${version}`,
        'film-club',
        '--',
        '--with',
        'sample,dashboard,job-status',
        '--yes',
      ),
    )
    log(made)
    const project = openCheckout(join(place, 'film-club'))
    expect(project.changes()).toBe('')
    await step('npm run new, commit', () => command(project, 'new', 'book', 'title:string', '--public-read'))
    const first = await step('npm start, on embedded services', () =>
      serve(project, { DATABASE_URL: '', REDIS_URL: '' }),
    )
    expect(await first.ask('/api/books')).toMatchObject({ status: 200, body: [] })
    say('from the command to the first resource of its own', began)
    await first.stop()

    await step('the changes of a product', () => grow(project))
    const deployed = cloneCheckout(project.root)
    try {
      await command(deployed, 'migrate')
      const a = await serve(deployed)
      try {
        const cookie = await fill(a)
        await releaseB()
        await upgradeTo(project, '99.1.0', 'The tide is in every answer.')
        expectChangesOf(project)
        await expectDataIn(project, a, cookie)
      } finally {
        await a.stop()
      }
    } finally {
      deployed.remove()
    }

    dropTests(project)
    await releaseC()
    const touched = (await upgradeTo(project, '99.2.0', 'The tide has a unit.')).filter(
      (path) => !isKit(path),
    )
    log(`files of yours touched by an upgrade in which nothing of yours changed upstream: ${touched.length}`)
    expect(touched).toEqual([])
    expectChangesOf(project)
    expect(testsOf(project)).toEqual(KEPT_TESTS)

    await step('leave', () => leave(project))
  },
  SLOW_MS,
)

/** @returns what it said */
async function npm(cwd: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn(['npm', ...args], {
    cwd,
    env: { ...process.env, NODE_ENV: 'development', ...shell() },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  expect({ args, code, said: out + err }).toMatchObject({ code: 0 })
  return out
}

/** Runs it in the project and commits what it did; it touches none of the kit. */
async function command(project: Checkout, script: string, ...args: string[]): Promise<void> {
  const { code, said } = await project.run(script, args, {
    DATABASE_URL: database.url,
    MIGRATE_DATABASE_URL: '',
  })
  expect({ script, code, said }).toMatchObject({ code: 0 })
  expect(changed(project).filter(isKit)).toEqual([])
  project.commit(script)
}

/** What differs from the last commit. */
const changed = (project: Checkout) =>
  project
    .changes()
    .split('\n')
    .filter(Boolean)
    .map((line) => line.slice(3))

/** Each replacement is to be made once; what is not found fails the test, and not its meaning. */
async function edit(
  { root, read }: Checkout,
  path: string,
  ...replacements: [string, string][]
): Promise<void> {
  let text = read(path)
  for (const [from, to] of replacements) {
    expect([path, text]).toEqual([path, expect.stringContaining(from)])
    text = text.replace(from, () => to)
  }
  await Bun.write(`${root}/${path}`, text)
  await runTool(root, 'oxfmt', [path])
}

/** Another name, a second resource, a module less, a setting, a role, a task, a cron, another route and another mail. */
async function grow(project: Checkout): Promise<void> {
  await command(project, 'rename', 'film-house')
  expect(await project.run('remove', ['dashboard'])).toMatchObject({ code: 0 })
  project.commit('no dashboard')
  await command(project, 'new', 'person', 'name:string', '--plural', 'people')
  await edit(
    project,
    'src/config.ts',
    [
      "import { name, version } from '../package.json'",
      "import { z } from 'zod'\nimport { name, version } from '../package.json'",
    ],
    [
      'for each module that has some.',
      `for each module that has some.
    greeting: setting('GREETING', z.string().default('Hello'), { about: 'What everybody hears' }),`,
    ],
  )
  await edit(project, 'src/account/roles.ts', ["'readonly', ", "'readonly', 'contributor', "])
  await edit(
    project,
    'src/tasks.ts',
    [
      '/** Every task that a worker can run. */',
      `/** Greets everybody. */
export const greet = defineTask({
  name: 'greet',
  input: z.object({}),
  async run(_input, job, { config }: Deps) {
    job.log.info(config.greeting)
  },
})

/** Every task that a worker can run. */`,
    ],
    ['export const tasks = [', 'export const tasks = [greet, '],
  )
  await edit(
    project,
    'src/crons.ts',
    ['countAccounts,', 'countAccounts, greet,'],
    [
      'crons = [',
      "crons = [\n  defineCron({ name: 'greeting', schedule: '0 8 * * *', task: greet, input: {} }),",
    ],
  )
  await edit(project, 'src/account/routes.ts', ['Returns my account.', 'Returns my own account.'])
  await edit(project, 'src/account/mails.ts', ['You can log in with this address.', 'See you at the house.'])
  await Bun.write(`${project.root}/test/greeting.test.ts`, OWN_TEST)
  await command(project, 'settings')
  await command(project, 'generate', '--name', 'contributor')
  expect(findEdited(project.root)).toEqual([]) // all of it is yours
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

/** That what \`grow\` did is there. */
function expectChangesOf(project: Checkout): void {
  const has = (path: string, text: string) =>
    expect([path, project.read(path)]).toEqual([path, expect.stringContaining(text)])
  has('package.json', '"name": "film-house"')
  for (const slice of ['books', 'people']) has('src/app.ts', `.route('/api/${slice}', ${slice})`)
  has('src/config.ts', 'GREETING')
  has('.env.example', 'GREETING')
  has('src/account/roles.ts', "'contributor'")
  has('src/crons.ts', "name: 'greeting'")
  has('src/account/routes.ts', 'Returns my own account.')
  has('src/account/mails.ts', 'See you at the house.')
  expect(project.git('ls-files', 'src/kit/dashboard', 'src/account/dashboard.ts')).toBe('')
}

/**
 * What a release may bring: in the kit another name for a file, a setting, another default, a table's column, a module; in
 * yours a line in the app, words beside those that the product changed, and the sample's.
 */
async function releaseB(): Promise<void> {
  kit.git('mv', 'src/kit/data/with-timeout.ts', 'src/kit/data/time-limit.ts')
  for (const path of kit.git('grep', '-l', '/with-timeout.ts', '--', 'src').trim().split('\n')) {
    await edit(kit, path, ['/with-timeout.ts', '/time-limit.ts'])
  }
  await edit(
    kit,
    'src/kit/config/kit-settings.ts',
    [
      '  port: ',
      "  tide: setting('TIDE', integer(0, 9).default(0), { about: 'How high the water stands' }),\n  port: ",
    ],
    ['integer(1, 10_000).default(50)', 'integer(1, 10_000).default(60)'],
  )
  await edit(kit, 'src/kit/middleware.ts', [
    '  app.use(withRequestContext(deps.tracer))\n',
    "  app.use(withRequestContext(deps.tracer))\n  app.use(async (c, next) => {\n    await next()\n    c.header('X-Tide', String(config.tide))\n  })\n",
  ])
  await edit(
    kit,
    'src/kit/jobs/outbox/table.ts',
    ['import { bigserial, ', 'import { bigserial, text, '],
    ['  job: ', '  origin: text(),\n  job: '],
  )
  await Bun.write(
    `${kit.root}/src/kit/mirror/routes.ts`,
    `// Serves a mirror.
import { z } from 'zod'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'

const Mirror = z.object({ clean: z.boolean() })

export const mirror = appFactory()
  .createApp()

  .get('/', doc('Shows a mirror.', Mirror), (c) => c.var.respond({ clean: true }))
`,
  )
  await edit(
    kit,
    'src/app.ts',
    [
      "import { useKit } from './kit/middleware.ts'\n",
      "import { useKit } from './kit/middleware.ts'\nimport { mirror } from './kit/mirror/routes.ts'\n",
    ],
    [".route('/api', account)\n", ".route('/api', account)\n    .route('/api/mirror', mirror)\n"],
  )
  await edit(kit, 'src/account/mails.ts', [
    'each is a function of what it tells.',
    'each is a function of what it tells, as text and as HTML.',
  ])
  await edit(kit, 'src/movies/routes.ts', ['Lists movies.', 'Lists movies, a page at a time.'])
  expect(await kit.run('settings')).toMatchObject({ code: 0 })
  expect(await kit.run('generate', ['--name', 'outbox_origin'])).toMatchObject({ code: 0 })
  await publish('99.1.0', 'The tide is in every answer.')
}

const KEPT_TESTS = ['test/books.test.ts', 'test/greeting.test.ts', 'test/people.test.ts']

const testsOf = (project: Checkout) =>
  project.git('ls-files', '--', 'test/*.test.ts', ':!test/kit', ':!test/slow').trim().split('\n')

/** What a product has deleted stays deleted; and all of these tests ran with the upgrade before. */
function dropTests(project: Checkout): void {
  project.git('rm', '--quiet', ...testsOf(project).filter((path) => !KEPT_TESTS.includes(path)))
  project.commit('fewer tests')
}

/** Nothing of yours. */
async function releaseC(): Promise<void> {
  await edit(kit, 'src/kit/middleware.ts', ['String(config.tide)', '`${config.tide} m`'])
  await publish('99.2.0', 'The tide has a unit.')
}

async function publish(to: string, notes: string): Promise<void> {
  await npm(kit.root, 'version', to, '--no-git-tag-version')
  await edit(kit, 'UPGRADING.md', ['## Unreleased', `## ${to}\n\n${notes}\n\n## Unreleased`])
  kit.commit(to)
  registry.publish(await packRelease(kit.root, place))
}

/**
 * By the registry, as a person does it, then committed.
 * @param notes what its UPGRADING.md says
 * @returns what it changed, below the root
 */
async function upgradeTo(project: Checkout, to: string, notes: string): Promise<string[]> {
  await npm(project.root, 'run', 'upgrade', '--', '--dry-run')
  expect(project.changes()).toBe('')
  const said = await step(`npm run upgrade, with check and tests, to ${to}`, () =>
    npm(project.root, 'run', 'upgrade'),
  )
  log(said)
  for (const word of [notes, `stands on ${to}`]) expect(said).toContain(word)
  const paths = changed(project)
  expect(project.git('log', '--format=%s', '-1')).not.toContain(to) // nothing is committed
  project.commit(`restbun ${to}`)
  return paths
}

type Service = Awaited<ReturnType<typeof serve>>

/** `npm start` of a checkout, on the database of this test if `env` does not say otherwise. */
async function serve({ root }: Checkout, env: Record<string, string> = {}) {
  const port = await freePort()
  const started = Bun.spawn([process.execPath, '--no-env-file', 'scripts/start.ts'], {
    cwd: root,
    env: {
      ...serverEnv(database.url, prefix),
      PWD: root,
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: String(port),
      TIDE: '7',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = Promise.all([started.stdout.text(), started.stderr.text()])

  /** With a body it is a POST. */
  async function ask(path: string, { cookie = '', body }: { cookie?: string; body?: object } = {}) {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { cookie, 'content-type': 'application/json' },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    return { status: reply.status, headers: reply.headers, body: JSON.parse(text) as Record<string, unknown> }
  }
  async function stop() {
    started.kill('SIGTERM')
    await started.exited
    await said
  }

  try {
    await until('its API', async () => {
      if (started.exitCode !== null) throw new Error((await said).join(''))
      return await ask('/ready')
        .then(({ status }) => status === 200)
        .catch(() => false)
    })
    return { ask, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const account = (n: number) => ({
  email: `ann${n}@example.com`,
  password: 'Some1Secret2Word',
  fname: 'Ann',
  lname: 'Lee',
})

/** An account, a book and a session: data in both databases. @returns the cookie */
async function fill({ ask }: Service): Promise<string> {
  const signup = await ask('/api/signup', { body: account(1) })
  expect(signup.status).toBe(201)
  const cookie = signup.headers.get('set-cookie')?.split(';')[0] ?? ''
  expect((await ask('/api/books', { cookie, body: { title: 'Emma' } })).status).toBe(201)
  expect((await ask('/apitest/counter')).body).toEqual({ counter: 1 })
  return cookie
}

/** The old service answers during the migration and beside the new one, which finds what it wrote. */
async function expectDataIn(project: Checkout, a: Service, cookie: string): Promise<void> {
  const statuses = new Set<number>()
  let isMigrating = true
  const asking = (async () => {
    for (let n = 2; isMigrating || n < 4; n++) {
      statuses.add((await a.ask('/api/me', { cookie })).status)
      statuses.add((await a.ask('/api/signup', { body: account(n) })).status) // writes to the outbox, which changes
    }
  })()
  await step('npm run migrate, while the old service answers', () => command(project, 'migrate')).finally(
    () => {
      isMigrating = false
    },
  )
  await asking
  expect([...statuses].toSorted()).toEqual([200, 201])

  const b = await serve(project)
  try {
    for (const { ask } of [a, b]) {
      expect(await ask('/api/me', { cookie })).toMatchObject({
        status: 200,
        body: { me: { email: 'ann1@example.com' } },
      })
      expect((await ask('/api/books', { cookie })).body).toMatchObject([{ title: 'Emma' }])
    }
    expect((await a.ask('/apitest/counter')).body).toEqual({ counter: 2 })
    expect(await b.ask('/apitest/counter')).toMatchObject({ body: { counter: 3 } })
    const mirror = await b.ask('/api/mirror')
    expect([mirror.status, mirror.body, mirror.headers.get('x-tide')]).toEqual([200, { clean: true }, '7'])
    expect((await b.ask('/api/signup', { body: account(99) })).status).toBe(201)
  } finally {
    await b.stop()
  }
}

/** As scripts/upgrade/README.md says. The check is green without the upgrade. */
async function leave(project: Checkout): Promise<void> {
  const [, paths = ''] = /`git rm -r ([^`]+)`/.exec(project.read('scripts/upgrade/README.md')) ?? []
  const remove = Bun.spawnSync(['bash', '-c', `git rm --quiet -r ${paths.replaceAll('\n', ' ')}`], {
    cwd: project.root,
  })
  expect(remove.stderr.toString()).toBe('')
  await edit(
    project,
    'package.json',
    ['"upgrade": "exec node scripts/run.mjs upgrade",\n', ''],
    ['"release": "exec node scripts/run.mjs release",\n', ''],
  )
  expect(await project.run('check')).toMatchObject({ code: 0 })
}
