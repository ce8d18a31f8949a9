// The house rules that a machine can check: who imports whom in src, and what stays portable. Part of `npm run check`.
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

interface Room {
  imports?: string[]
  /** Rooms that it imports types of, and nothing else. */
  types?: string[]
}

/**
 * Who may import whom. A room is a folder of src or a file at its top; a folder that is not named here is a slice,
 * `entry` is a file that starts a role, `module` a part that goes with its folder. Files of one room import each other
 * freely. First what a product is made of:
 */
const YOURS: Record<string, Room> = {
  entry: { imports: ['process', 'app', 'config', 'manifest', 'tasks'] },
  supervisor: { imports: ['process', 'config'] }, // none of the app's code, which could harm it
  app: { imports: ['slice', 'module', 'kit-middleware', 'web'], types: ['config', 'deps'] },
  config: { imports: ['config-settings', 'config-values', 'config-urls'] },
  manifest: { imports: ['slice', 'crons'] },
  crons: { imports: ['tasks', 'jobs'] },
  tasks: { imports: ['slice', 'jobs'] },
  slice: {
    imports: ['tasks', 'module', 'web', 'prepared', 'lanes', 'transient', 'types'],
    types: ['jobs', 'config', 'deps'],
  },
}

/** What carries it, the kit: nothing of a product is named here, not even for its types. It is handed in. */
const KIT: Record<string, Room> = {
  process: {
    imports: [
      'infra',
      'web',
      'outbox',
      'jobs',
      'transient',
      'types',
      'config-settings',
      'config-printable',
      'config-urls',
    ],
    types: ['deps', 'config-kit'],
  },
  infra: {
    imports: ['web', 'jobs', 'outbox', 'prepared', 'lanes', 'gate', 'transient', 'types'],
    types: ['deps', 'config-kit'],
  },
  'kit-middleware': { imports: ['module', 'web'], types: ['deps'] },
  module: { imports: ['web', 'transient', 'types'], types: ['jobs', 'deps', 'config-kit'] },
  web: { imports: ['gate', 'transient', 'types'], types: ['deps', 'config-kit'] },
  deps: { types: ['jobs', 'outbox', 'types', 'config-kit'] },
  outbox: { imports: ['jobs', 'prepared', 'transient'], types: ['types'] },
  jobs: { imports: ['transient', 'types'] },
  prepared: { imports: ['lanes'], types: ['types'] },
  lanes: { types: ['types'] },
  transient: {},
  gate: {},
  types: {},
  'config-settings': { imports: ['config-kit', 'types'] },
  'config-kit': { imports: ['config-values', 'config-urls', 'types'] },
  'config-printable': { types: ['config-kit'] },
  'config-urls': {},
  'config-values': {},
}
const ROOMS = { ...YOURS, ...KIT }
const ENTRIES = ['server.ts', 'worker.ts']
const MODULES = ['dev', 'job-status', 'operators', 'service']

/** Packages and globals that are not for every file: who may not use them at run time, and why. */
const RESERVED: { names: RegExp; barred: (source: Source) => boolean; why: string }[] = [
  {
    names: /^(postgres|ioredis|@node-rs\/argon2|drizzle-orm\/postgres-js)(\/|$)/,
    barred: ({ room }) => room !== 'infra',
    why: 'only infra imports a driver at run time: take what you need from deps',
  },
  {
    names: /^(Bun|bun|node:child_process|node:cluster)\b/,
    barred: ({ room }) => room !== 'process' && room !== 'infra',
    why: 'only process and infra use Bun and its process APIs',
  },
  {
    names: /^(process|Bun)\.env$/,
    barred: ({ path }) => path !== 'config-settings.ts',
    why: 'only config-settings.ts reads the environment: add a setting to config.ts',
  },
  {
    names: /^hono\b/,
    barred: ({ room }) => ['jobs', 'outbox', 'tasks', 'crons', 'config'].includes(room),
    why: 'only app, slices and web know HTTP: move it there',
  },
  {
    names: /^(process|Buffer|Bun|require|global|setImmediate|bun|node:(?!async_hooks$).*)\b/,
    barred: ({ portable }) => portable,
    why: 'app.ts reaches this file, which must run wherever web APIs do: use one, or move it to infra',
  },
]
const GLOBALS = ['process', 'Buffer', 'Bun', 'require', 'global', 'setImmediate']

/** Files outside of src that are read there: facts about the product, which the kit is handed. */
const OUTSIDE = ['../package.json', '../drizzle/meta/_journal.json']

const MAX_LINES = 200
/** Files that may be longer, up to this: each is one thing, and two would read worse. */
const LONG_FILES: Record<string, number> = {
  'jobs/queue-admin.ts': 260, // one function for each thing an operator does
  'jobs/worker.ts': 330, // the worker's loop
}

interface Source {
  /** Below src, as are the targets of imports inside it. */
  path: string
  room: string
  text: string
  imports: { target: string; line: number; typeOnly: boolean }[]
  /** `app.ts` imports it at run time, directly or not. */
  portable: boolean
}

/**
 * The broken rules of a checkout, one message each: file, line, what is wrong, what to do. Empty: all are kept.
 * @param root the folder that holds src
 */
export function findBrokenRules(root: string): string[] {
  const sources = new Map<string, Source>()
  for (const path of [...new Bun.Glob('**/*.{ts,tsx}').scanSync(join(root, 'src'))].toSorted()) {
    const text = readFileSync(join(root, 'src', path), 'utf8')
    sources.set(path, { path, room: roomOf(path), text, imports: findImports(path, text), portable: false })
  }
  const reached = new Set(['app.ts'])
  for (const path of reached) {
    const source = sources.get(path)
    if (source) source.portable = true
    for (const target of runtimeFiles(source)) reached.add(target) // this loop comes to it, too
  }
  const checks = [checkForm, checkArrows, checkReserved]
  return [...sources.values()].flatMap((s) => checks.flatMap((check) => check(s)))
}

/** @param path below src */
export const isKit = (path: string) => Object.hasOwn(KIT, roomOf(path))

function roomOf(path: string): string {
  if (ENTRIES.includes(path)) return 'entry'
  const [top = '', inFolder] = path.split('/')
  if (inFolder === undefined) return top.replace(/\.tsx?$/, '')
  if (MODULES.includes(top)) return 'module'
  return Object.hasOwn(ROOMS, top) ? top : 'slice'
}

const IMPORT =
  /(?:^(?:import|export)\s+(?:(type\s+)?([\w$*{},\s]*?)\s*\bfrom\s+)?|(?<!typeof )\bimport\(\s*)['"]([^'"]+)['"]/gm

function findImports(path: string, text: string): Source['imports'] {
  return [...text.matchAll(IMPORT)].map(({ 1: type, 2: clause, 3: name = '', index }) => ({
    target: name.startsWith('.') ? normalize(join(dirname(path), name)) : name,
    line: text.slice(0, index).split('\n').length,
    typeOnly: type !== undefined || /^\{(\s*type\s[^,}]*,?)+\s*\}$/.test(clause ?? ''),
  }))
}

const isFile = (target: string) => /\.tsx?$/.test(target)

function runtimeFiles(source: Source | undefined): string[] {
  return source?.imports.filter((i) => !i.typeOnly && isFile(i.target)).map((i) => i.target) ?? []
}

function checkForm({ path, text }: Source): string[] {
  const broken: string[] = []
  const opening = /^(?:#!.*\n)?((?:\/\/.*\n)+)/.exec(text)?.[1] ?? ''
  if (!/^\/\/ \S[^]*[.!?]\)?\n$/.test(opening)) {
    broken.push(at(path, 1, 'a file opens with a sentence on what it is for: // All SQL about accounts.'))
  }
  const lines = text.trimEnd().split('\n').length
  const most = LONG_FILES[path] ?? MAX_LINES
  if (lines > most)
    broken.push(at(path, most + 1, `${lines} lines, at most ${most} are: look for a second room`))
  if (/(^|\/)(utils?|helpers?|common)[./]/.test(path)) {
    broken.push(at(path, 1, 'utils, helpers and common say nothing: name it after what it does'))
  }
  const own = text.replaceAll(/\/\/.*|\/\*[^]*?\*\//g, '').replaceAll(IMPORT, '')
  if (/^export\b/m.test(text) && own.replaceAll(/^export\s+(type\s+)?\{[^}]*\}|;/gm, '').trim() === '') {
    broken.push(at(path, 1, 'a file that only exports what others hold is a barrel: import from those files'))
  }
  return broken
}

function checkArrows({ path, room, imports }: Source): string[] {
  const rule = ROOMS[room]
  if (!rule) return [at(path, 1, `${room} is no room: use one, or add its arrows to scripts/architecture.ts`)]
  return imports.flatMap(({ target, line, typeOnly }) => {
    if (target.startsWith('..') && !(OUTSIDE.includes(target) && Object.hasOwn(YOURS, room))) {
      return at(path, line, `${target} is outside of src: move it in, or have it handed in`)
    }
    if (!isFile(target)) return []
    if (/\/routes\.tsx?$/.test(target) && room !== 'app' && dirname(path) !== dirname(target)) {
      return at(
        path,
        line,
        `only app.ts imports ${target}: take what you need from another file of that slice`,
      )
    }
    const to = roomOf(target)
    if (to === room || rule.imports?.includes(to)) return []
    const typesAllowed = rule.types?.includes(to)
    if (typesAllowed && (typeOnly || target === 'jobs/task.ts')) return [] // where a task is declared is portable
    const instead = typesAllowed ? 'use `import type`' : 'turn the arrow round, or pass it in through deps'
    return at(path, line, `${room} may not import ${target} (${to}): ${instead}`)
  })
}

// Bun's own parser tells a global from a string, comment, type, property or local name of the same spelling.
const define = Object.fromEntries(GLOBALS.map((name) => [name, `globalThis.$global.${name}`]))
const parsers = {
  ts: new Bun.Transpiler({ loader: 'ts', define }),
  tsx: new Bun.Transpiler({ loader: 'tsx', define }),
}

function checkReserved(source: Source): string[] {
  const { path, text } = source
  const code = parsers[path.endsWith('x') ? 'tsx' : 'ts'].transformSync(text)
  const globals = new Set(code.match(/(?<=globalThis\.\$global\.)\w+(\.env\b)?/g))
  const used = source.imports.filter((i) => !i.typeOnly).map(({ target, line }) => ({ name: target, line }))
  used.push(...[...globals].map((name) => ({ name, line: lineOf(name, text) })))
  return used.flatMap(({ name, line }) =>
    RESERVED.filter((r) => r.names.test(name) && r.barred(source)).map((r) =>
      at(path, line, `${name}: ${r.why}`),
    ),
  )
}

function lineOf(name: string, text: string): number {
  const word = new RegExp(`(?<![\\w.$])${name.replace('.', '\\.')}\\b`)
  return text.split('\n').findIndex((line) => word.test(line.replace(/\/\/.*|^\s*\/?\*.*/, ''))) + 1
}

const at = (path: string, line: number, message: string) => `src/${path}:${line}: ${message}`
