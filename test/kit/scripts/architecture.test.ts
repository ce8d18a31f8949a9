// The house rules hold in src, and each of them would be caught if it were broken.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, expect, test } from 'bun:test'
import { findBrokenRules } from '../../../scripts/architecture.ts'

const ROOT = join(import.meta.dir, '../../..')

/** A small tree that keeps every rule; a test breaks it by one more file, or by other text in one. */
const SOUND = {
  'server.ts': `import { createApp } from './app.ts'\nimport { createDeps } from './kit/create-deps.ts'\ncreateApp(createDeps())`,
  'programs.ts': `import type { Sql } from './plants/queries.ts'\nexport const programs: Sql[] = [() => import('./plants/program.ts')]`,
  'plants/program.ts': `export const run = () => Bun.version`,
  'app.ts': `import type { Deps } from './kit/deps.ts'\nimport { plants } from './plants/routes.ts'\nexport const createApp = (deps: Deps) => [deps, plants]`,
  'config.ts': `export const loadConfig = () => ({ ...process.env })`,
  'plants/routes.ts': `import { doc } from '../kit/http/doc.ts'\nimport { find } from './queries.ts'\nexport const plants = [doc, find]`,
  'plants/queries.ts': `// npm run new -- plant name:string\nimport type { Sql } from 'postgres'\nexport const find = (sql: Sql) => sql`,
  'kit/deps.ts': `export interface Deps { db: string }`,
  'kit/create-deps.ts': `import { connect } from './data/postgres.ts'\nexport const createDeps = () => ({ db: connect() })`,
  'kit/http/doc.ts': `import type { Deps } from '../deps.ts'\nimport { AsyncLocalStorage } from 'node:async_hooks'\nexport const doc = (deps: Deps) => [deps, AsyncLocalStorage]`,
  'kit/data/postgres.ts': `import postgres from 'postgres'\nexport const connect = () => String([Buffer, postgres])`,
  'kit/jobs/worker.ts': `import type { Redis } from 'ioredis'\nexport const run = (redis: Redis) => [redis, process.pid]`,
}

function write(root: string, path: string, text: string): void {
  const file = join(root, 'src', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function brokenRulesWith(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'restbun-architecture-'))
  try {
    for (const [path, text] of Object.entries({ ...SOUND, ...files })) {
      write(root, path, text.startsWith('!') ? text.slice(1) : `// What it is for.\n${text}\n`)
    }
    return findBrokenRules(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('src keeps the house rules', () => {
  expect(findBrokenRules(ROOT)).toEqual([])
})

test('a sound tree breaks none', () => {
  expect(brokenRulesWith({})).toEqual([])
})

/** Each: the rule as a promise, the files that break it, and the beginning of the one message. */
const BROKEN: [string, Record<string, string>, string][] = [
  [
    'the kit knows nothing of yours',
    { 'kit/http/log.ts': `import { find } from '../../plants/queries.ts'\nexport const log = find` },
    'src/kit/http/log.ts:2: kit/http may not import plants/queries.ts (slice)',
  ],
  [
    'the kit knows nothing of yours, not even its types',
    {
      'kit/http/log.ts': `import type { find } from '../../plants/queries.ts'\nexport type Log = typeof find`,
    },
    'src/kit/http/log.ts:2: kit/http may not import plants/queries.ts (slice)',
  ],
  [
    'the kit asks for no type of yours in passing',
    { 'kit/http/log.ts': `export type Log = typeof import('../../config.ts')` },
    'src/kit/http/log.ts:2: kit/http may not import config.ts (config)',
  ],
  [
    'the kit reads no file outside of it',
    { 'kit/log/name.ts': `import { name } from '../../../package.json'\nexport const log = name` },
    'src/kit/log/name.ts:2: ../package.json is outside of the kit',
  ],
  [
    'an arrow in the kit does not go up',
    { 'kit/data/log.ts': `import type { doc } from '../http/doc.ts'\nexport type Log = typeof doc` },
    'src/kit/data/log.ts:2: kit/data may not import kit/http/doc.ts (kit/http)',
  ],
  [
    'nor to a neighbour',
    {
      'kit/mail/many.ts': `import {\n  type A,\n  run,\n} from '../jobs/worker.ts'\nexport const a: A = run`,
    },
    'src/kit/mail/many.ts:2: kit/mail may not import kit/jobs/worker.ts (kit/jobs)',
  ],
  [
    'what is imported later is an import, too',
    { 'kit/data/late.ts': `export const late = () =>\n  import('../jobs/worker.ts')` },
    'src/kit/data/late.ts:3: kit/data may not import kit/jobs/worker.ts (kit/jobs)',
  ],
  [
    'no file imports an entry',
    { 'plants/again.ts': `import '../server.ts'\nexport const again = 1` },
    'src/plants/again.ts:2: slice may not import server.ts (entry)',
  ],
  [
    'the supervisor knows nothing of the app',
    { 'supervisor.ts': `import { createApp } from './app.ts'\nexport const run = createApp` },
    'src/supervisor.ts:2: supervisor may not import app.ts (app)',
  ],
  [
    'nor do the programs that it reads',
    { 'programs.ts': `import { find } from './plants/queries.ts'\nexport const programs = [find]` },
    "src/programs.ts:2: the supervisor reads programs.ts, and none of the app's code: write () => import('./plants/queries.ts')",
  ],
  [
    'what app.ts reaches takes nothing of a program, which is on Bun alone',
    {
      'plants/program.ts': `export const run = () => Bun.version`,
      'plants/queries.ts': `import { run } from './program.ts'\nexport const find = run`,
    },
    'src/plants/queries.ts:2: only programs.ts imports plants/program.ts',
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
    'so does a new file at the top of the kit',
    { 'kit/stray.ts': `export const stray = 1` },
    'src/kit/stray.ts:1: kit/stray is no room',
  ],
  [
    'the kit knows nothing of its modules, which can be removed',
    {
      'kit/chat/room.ts': `export const room = 1`,
      'kit/http/talk.ts': `import { room } from '../chat/room.ts'\nexport const talk = room`,
    },
    'src/kit/http/talk.ts:2: kit/http may not import kit/chat/room.ts (kit/chat)',
  ],
  [
    'nor does a module of another',
    {
      'kit/chat/room.ts': `export const room = 1`,
      'kit/mirror/talk.ts': `import { room } from '../chat/room.ts'\nexport const talk = room`,
    },
    'src/kit/mirror/talk.ts:2: kit/mirror may not import kit/chat/room.ts (kit/chat)',
  ],
  [
    'only data and auth import a driver',
    { 'kit/jobs/push.ts': `import { Redis } from 'ioredis'\nexport const push = Redis` },
    'src/kit/jobs/push.ts:2: ioredis: only data and auth',
  ],
  [
    "the driver's side of drizzle is a driver",
    { 'cars/queries.ts': `import { drizzle } from 'drizzle-orm/postgres-js'\nexport const db = drizzle` },
    'src/cars/queries.ts:2: drizzle-orm/postgres-js: only data and auth',
  ],
  [
    'jobs know no HTTP',
    { 'kit/jobs/http.ts': `import { Hono } from 'hono'\nexport const http = Hono` },
    'src/kit/jobs/http.ts:2: hono: only app, slices, http',
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
    'a file opens with what it does',
    { 'plants/mute.ts': '!export const mute = 1\n' },
    'src/plants/mute.ts:1: a file opens with a sentence',
  ],
]

test.each(BROKEN)('%s', (_, files, message) => {
  const broken = brokenRulesWith(files)
  expect(broken.map((told) => told.slice(0, message.length))).toEqual([message])
})

/** Three files in a circle that types close. */
const CIRCLE = {
  'a.ts': `import type { b } from './b.ts'\nexport const a = (x: typeof b) => x`,
  'b.ts': `import { c } from './c.ts'\nexport const b = c`,
  'c.ts': `import { a } from './a.ts'\nexport const c = a`,
}

const LONG = 'export const long = 1' + '\n// and on'.repeat(199)

/** Each: the rule as a promise, a file that breaks it, and what is said, with the line. */
const LINTED: [string, string, string, string][] = [
  ['imports run in no circle, types counted', 'a.ts', CIRCLE['a.ts'], '1: Dependency cycle'],
  ['a file that grew long is told', 'plants/long.ts', `${LONG}\n//`, '201: File has too many lines (201)'],
  [
    'slices use no Buffer, whatever else has its name',
    'plants/find.ts',
    `// No Buffer.\nexport const find = (a: Buffer, text = 'Buffer') => Buffer.from(text + a.Buffer)`,
    `2: Unexpected use of 'Buffer'. Use a web API, or hand it in through deps.`,
  ],
  [
    'nor process',
    'kit/http/pid.ts',
    `export const pid = () => process.pid`,
    `1: Unexpected use of 'process'`,
  ],
  ['tasks are portable', 'kit/jobs/task.ts', `export const pid = () => process.pid`, `1: Unexpected use`],
  [
    'only process, log and data use Bun',
    'kit/jobs/wait.ts',
    `// Not by Bun.sleep.\nexport const wait = () => Bun.sleep(process.pid)`,
    `2: Unexpected use of 'Bun'. Only process, log and data`,
  ],
  [
    'only config reads the environment',
    'kit/process/wait.ts',
    `export const wait = process.env.WAIT`,
    `1: 'process.env' is restricted from being used. Only config reads it: add a setting.`,
  ],
  [
    'an app on Node asks for nothing that Node 20 has not',
    'kit/http/doc.ts',
    `export const doc = () => Promise.withResolvers()`,
    `1: 'Promise.withResolvers' is restricted from being used. Node 20 has it not`,
  ],
]

/** What no rule minds, in the places where it may stand. */
const ALLOWED: Record<string, string> = {
  'plants/fits.ts': LONG,
  'config.ts': `export const loadConfig = () => ({ ...process.env })`,
  'kit/jobs/worker.ts': `export const run = () => Buffer.from([process.pid])`,
  'plants/program.ts': `export const run = () => Bun.version`,
  'kit/process/child.ts': `export const run = () => [Bun.version, Promise.withResolvers()]`,
}

let linted: { filename: string; said: string }[]
beforeAll(async () => {
  const root = mkdtempSync(join(tmpdir(), 'restbun-linted-'))
  try {
    cpSync(join(ROOT, '.oxlintrc.json'), join(root, '.oxlintrc.json'))
    const broken = LINTED.map(([, path, text]) => [path, text] as const)
    for (const [path, text] of Object.entries({ ...CIRCLE, ...ALLOWED, ...Object.fromEntries(broken) }))
      write(root, path, `${text}\n`)
    const lint = Bun.spawn([join(ROOT, 'node_modules/.bin/oxlint'), '--format=json', '.'], { cwd: root })
    const { diagnostics } = (await lint.stdout.json()) as { diagnostics: Diagnostic[] }
    expect(await lint.exited).toBe(1)
    linted = diagnostics.map(({ filename, message, help, labels: [at] }) => ({
      filename,
      said: `${at?.span.line}: ${message} ${help}`,
    }))
  } finally {
    rmSync(root, { recursive: true })
  }
})

interface Diagnostic {
  filename: string
  message: string
  help?: string
  labels: { span: { line: number } }[]
}

test.each(LINTED)('%s', (_, path, _text, message) => {
  const told = linted.filter(({ filename }) => filename === `src/${path}`)
  expect(told.map(({ said }) => said.slice(0, message.length))).toEqual([message])
})

test('what may use the runtime is not told', () => {
  expect(linted.filter(({ filename }) => Object.hasOwn(ALLOWED, filename.replace('src/', '')))).toEqual([])
})
