// The house rules hold in src, and each of them would be caught if it were broken.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'bun:test'
import { findBrokenRules, isKit } from '../../../scripts/architecture.ts'
import { findTool } from '../../../scripts/tool.ts'
import { roles } from '../../../src/account/roles.ts'

const ROOT = join(import.meta.dir, '../../..')

/** A small tree that keeps every rule; a test breaks it by one more file, or by other text in one. */
const SOUND = {
  'server.ts': `import { createApp } from './app.ts'\nimport { runServer } from './process/run-server.ts'\nrunServer(createApp)`,
  'process/run-server.ts': `import type { Deps } from '../deps.ts'\nimport { createDeps } from '../infra/deps.ts'\nexport const runServer = (createApp: (deps: Deps) => unknown) => createApp(createDeps())`,
  'app.ts': `import type { Deps } from './deps.ts'\nimport { plants } from './plants/routes.ts'\nexport const createApp = (deps: Deps) => [deps, plants]`,
  'config.ts': `import { defineSettings } from './config-settings.ts'\nexport const loadConfig = defineSettings`,
  'config-settings.ts': `export const defineSettings = () => ({ ...process.env })`,
  'deps.ts': `export interface Deps { db: string }`,
  'types/log.ts': `export interface Log { info(message: string): void }`,
  'web/doc.ts': `import type { Deps } from '../deps.ts'\nimport { AsyncLocalStorage } from 'node:async_hooks'\nexport const doc = (deps: Deps) => [deps, AsyncLocalStorage]`,
  'plants/routes.ts': `import { doc } from '../web/doc.ts'\nimport { find } from './queries.ts'\nexport const plants = [doc, find]`,
  'plants/queries.ts': `import type { Sql } from 'postgres'\nexport const find = (sql: Sql) => sql`,
  'infra/deps.ts': `import postgres from 'postgres'\nexport const createDeps = () => ({ db: String([Bun, Buffer, postgres]) })`,
  'jobs/worker.ts': `import type { Redis } from 'ioredis'\nexport const run = (redis: Redis) => [redis, process.pid]`,
}

function brokenRulesWith(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'restbun-architecture-'))
  try {
    for (const [path, text] of Object.entries({ ...SOUND, ...files })) {
      const file = join(root, 'src', path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text.startsWith('!') ? text.slice(1) : `// What it is for.\n${text}\n`)
    }
    return findBrokenRules(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('src keeps the house rules', () => {
  expect(findBrokenRules(ROOT)).toEqual([])
})

test('no word of the product stands in the kit: no role, and no slice', () => {
  const src = join(ROOT, 'src')
  const files = [...new Bun.Glob('**/*.{ts,tsx}').scanSync(src)]
  const slices = new Set(files.filter((path) => path.endsWith('/table.ts') && !isKit(path)).map(dirname))
  expect([...slices].toSorted()).toContain('account')
  slices.delete('account') // what a session and a job belong to is called an account in every product
  const words = new RegExp([...roles.names.map((role) => `'${role}'`), ...slices].join('|'))
  const found = files.filter((path) => isKit(path) && words.test(readFileSync(join(src, path), 'utf8')))
  expect(found).toEqual([])
})

test('a sound tree breaks none', () => {
  expect(brokenRulesWith({})).toEqual([])
})

/** Each: the rule as a promise, the files that break it, and the beginning of the one message. */
const BROKEN: [string, Record<string, string>, string][] = [
  [
    'web knows no slice',
    { 'web/log.ts': `import { find } from '../plants/queries.ts'\nexport const log = find` },
    'src/web/log.ts:2: web may not import plants/queries.ts (slice)',
  ],
  [
    'web knows no slice, not even its types',
    { 'web/log.ts': `import type { find } from '../plants/queries.ts'\nexport type Log = typeof find` },
    'src/web/log.ts:2: web may not import plants/queries.ts (slice)',
  ],
  [
    'infra is handed the crons and knows none',
    { 'infra/queue.ts': `import { crons } from '../crons.ts'\nexport const queue = crons` },
    'src/infra/queue.ts:2: infra may not import crons.ts (crons)',
  ],
  [
    "no module knows a product's accounts, not even their types",
    {
      'operators/view.ts': `import type { User } from '../account/queries.ts'\nexport type View = { user: User }`,
    },
    'src/operators/view.ts:2: module may not import account/queries.ts (slice)',
  ],
  [
    "the kit does not read the product's package.json",
    { 'service/about.ts': `import { name } from '../../package.json'\nexport const about = name` },
    'src/service/about.ts:2: ../package.json is outside of src',
  ],
  [
    'what all share stands on nothing',
    { 'types/all.ts': `import type { Deps } from '../deps.ts'\nexport type All = Deps[]` },
    'src/types/all.ts:2: types may not import deps.ts (deps)',
  ],
  [
    'a slice knows nothing of infra',
    {
      'cars/queries.ts': `import {\n  type A,\n  createDeps,\n} from '../infra/deps.ts'\nexport const a: A = createDeps`,
    },
    'src/cars/queries.ts:2: slice may not import infra/deps.ts (infra)',
  ],
  [
    'what is imported later is an import, too',
    { 'plants/late.ts': `export const late = () =>\n  import('../jobs/worker.ts')` },
    'src/plants/late.ts:3: slice may not import jobs/worker.ts (jobs): use `import type`',
  ],
  [
    'jobs and slices share types only',
    { 'plants/late.ts': `import { run } from '../jobs/worker.ts'\nexport const late = run` },
    'src/plants/late.ts:2: slice may not import jobs/worker.ts (jobs): use `import type`',
  ],
  [
    "the supervisor loads none of the app's code",
    { 'supervisor.ts': `import { createApp } from './app.ts'\ncreateApp({ db: '' })` },
    'src/supervisor.ts:2: supervisor may not import app.ts (app)',
  ],
  [
    'no file imports an entry',
    { 'process/again.ts': `import '../server.ts'\nexport const again = 1` },
    'src/process/again.ts:2: process may not import server.ts (entry)',
  ],
  [
    'a slice takes no routes of another',
    { 'cars/list.ts': `import { plants } from '../plants/routes.ts'\nexport const list = plants` },
    'src/cars/list.ts:2: only app.ts imports plants/routes.ts',
  ],
  [
    'src imports nothing outside of it',
    { 'plants/late.ts': `import { start } from '../../scripts/start.ts'\nexport const run = start` },
    'src/plants/late.ts:2: ../scripts/start.ts is outside of src',
  ],
  [
    'a new file at the top needs a room',
    { 'stray.ts': `export const stray = 1` },
    'src/stray.ts:1: stray is no room',
  ],
  [
    'only infra imports a driver',
    { 'jobs/push.ts': `import { Redis } from 'ioredis'\nexport const push = Redis` },
    'src/jobs/push.ts:2: ioredis: only infra',
  ],
  [
    "the driver's side of drizzle is a driver",
    { 'cars/queries.ts': `import { drizzle } from 'drizzle-orm/postgres-js'\nexport const db = drizzle` },
    'src/cars/queries.ts:2: drizzle-orm/postgres-js: only infra',
  ],
  [
    'only process and infra use Bun',
    { 'jobs/wait.ts': `// Not by Bun.sleep.\nexport const wait = () => Bun.sleep(1)` },
    'src/jobs/wait.ts:3: Bun: only process and infra',
  ],
  [
    'one file reads the environment, and it is none of yours',
    { 'config.ts': `export const loadConfig = () => process.env` },
    'src/config.ts:2: process.env: only config-settings.ts',
  ],
  [
    'only config reads the environment',
    { 'jobs/wait.ts': `export const wait = process.env.WAIT` },
    'src/jobs/wait.ts:2: process.env: only config-settings.ts',
  ],
  [
    'jobs know no HTTP',
    { 'jobs/http.ts': `import { Hono } from 'hono'\nexport const http = Hono` },
    'src/jobs/http.ts:2: hono: only app, slices and web',
  ],
  [
    'what app.ts reaches uses no Buffer',
    {
      'plants/queries.ts': `// No Buffer.\nexport const find = (a: Buffer, text = 'Buffer') => Buffer.from(text + a.Buffer)`,
    },
    'src/plants/queries.ts:3: Buffer: app.ts reaches this file',
  ],
  [
    'what app.ts reaches uses no process',
    { 'plants/queries.ts': `export const find = () => process.pid` },
    'src/plants/queries.ts:2: process: app.ts reaches this file',
  ],
  [
    'what app.ts reaches imports no module of the runtime',
    { 'plants/queries.ts': `import { createHash } from 'node:crypto'\nexport const find = createHash` },
    'src/plants/queries.ts:2: node:crypto: app.ts reaches this file',
  ],
  [
    'no file is a barrel',
    { 'plants/all.ts': `export { find } from './queries.ts'\nexport * from './table.ts'` },
    'src/plants/all.ts:1: a file that only exports what others hold is a barrel',
  ],
  [
    'nor by a detour',
    { 'plants/all.ts': `import { find } from './queries.ts'\nexport { find }` },
    'src/plants/all.ts:1: a file that only exports what others hold is a barrel',
  ],
  [
    'no file is called helpers',
    { 'plants/helpers.ts': `export const help = 1` },
    'src/plants/helpers.ts:1: utils, helpers and common say nothing',
  ],
  [
    'no folder is called utils',
    { 'utils/dates.ts': `export const dates = 1` },
    'src/utils/dates.ts:1: utils, helpers and common say nothing',
  ],
  [
    'a file opens with what it is for',
    { 'plants/mute.ts': '!export const mute = 1\n' },
    'src/plants/mute.ts:1: a file opens with a sentence',
  ],
  [
    'a file that grew long is told',
    { 'plants/long.ts': 'export const long = 1' + '\n// and on'.repeat(199) },
    'src/plants/long.ts:201: 201 lines, at most 200',
  ],
]

test.each(BROKEN)('%s', (_, files, message) => {
  const broken = brokenRulesWith(files)
  expect(broken.map((told) => told.slice(0, message.length))).toEqual([message])
})

test('imports run in no circle, types counted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-architecture-'))
  try {
    writeFileSync(join(folder, 'log.ts'), `import type { Deps } from './deps.ts'\nexport type Log = Deps[]\n`)
    writeFileSync(join(folder, 'deps.ts'), `import type { Log } from './log.ts'\nexport type Deps = Log[]\n`)
    const command = [findTool(ROOT, 'oxlint'), '-c', join(ROOT, '.oxlintrc.json'), folder]
    const lint = Bun.spawn(command, { stdout: 'pipe' })
    expect(await lint.stdout.text()).toContain('Dependency cycle detected')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
