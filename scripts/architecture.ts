// Checks the house rules that no linter knows: who imports whom in src, what app.ts reaches, and how a file opens.
// The rest is in .oxlintrc.json: circles, lengths, globals and properties, each with the files that may.
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/**
 * Who may import whom, types counted. A room of the kit is a folder of src/kit or a file at its top. It imports rooms that
 * stand before it here, never those beside it (in one string), and nothing outside of the kit. A folder that has no place
 * here is a module: it imports all of these, and no file of the kit imports it, so that it can be removed.
 */
const KIT = ['types', 'config', 'log', 'data', 'mail jobs', 'deps', 'http', 'auth audit'].concat(
  ['pages', 'reference', 'system', 'middleware assemble', 'create-deps', 'process'], // what stands on http
)
/** Yours imports the kit, and of yours these. A folder beside the kit is a slice, `entry` a file that starts a role. */
const YOURS: Record<string, string[]> = {
  entry: ['app', 'config', 'crons', 'tasks', 'manifest', 'programs'],
  supervisor: ['config', 'programs', 'unexpected'], // none of the app's code, which could harm it
  programs: ['config', 'tasks', 'slice'], // by `import()` and for types: the supervisor reads it
  app: ['config', 'slice'],
  manifest: ['crons', 'slice', 'unexpected'],
  unexpected: ['config'], // the supervisor loads it
  crons: ['tasks', 'slice'],
  tasks: ['slice'],
  slice: ['config', 'tasks'],
  config: [],
}

/** Packages that are not for every file at run time: who may not import them, and why. */
const RESERVED: { names: RegExp; barred: (source: Source) => boolean; why: string }[] = [
  {
    names: /^(postgres|ioredis|@node-rs\/argon2|drizzle-orm\/postgres-js)(\/|$)/,
    barred: ({ room }) => room !== 'kit/data' && room !== 'kit/auth',
    why: 'only data and auth import a driver at run time: take what you need from deps',
  },
  {
    names: /^(bun|node:child_process|node:cluster)\b/,
    barred: ({ room }) => !['kit/process', 'kit/log', 'kit/data'].includes(room),
    why: 'only process, log and data use Bun and its process APIs',
  },
  {
    names: /^hono\b(?!\/html$)/, // which escapes values in HTML and knows nothing of HTTP
    barred: ({ room }) => /^(crons|tasks|config|kit\/(config|log|data|mail|jobs))$/.test(room),
    why: 'only app, slices, http and what stands on it know HTTP: move it there',
  },
  {
    names: /^(bun|node:(?!async_hooks$).*)\b/,
    barred: ({ portable }) => portable,
    why: 'app.ts reaches this file, which must run wherever web APIs do: use one, or hand it in through deps',
  },
]

/** What yours reads outside of src: facts about the project. */
const OUTSIDE = /^\.\.\/(package|drizzle\/meta\/_journal)\.json$/

interface Source {
  /** Below src, as are the targets of imports inside it. */
  path: string
  room: string
  text: string
  /** Deferred is what `import()` loads. */
  imports: { target: string; line: number; typeOnly: boolean; deferred: boolean }[]
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
    sources.set(path, {
      path,
      room: roomOf(path),
      text,
      imports: findImports(path, text),
      portable: false,
    })
  }
  for (const source of reachedFrom('app.ts', sources)) source.portable = true
  const checks = [checkForm, checkArrows, checkReserved]
  return [...sources.values()].flatMap((s) => checks.flatMap((check) => check(s)))
}

function roomOf(path: string): string {
  if (/^(server|worker|program)\.ts$/.test(path)) return 'entry'
  const [top = '', inFolder] = path.replace(/\.tsx?$/, '').split('/')
  if (inFolder === undefined) return top
  return top === 'kit' ? `kit/${inFolder}` : 'slice'
}

/** The place of a room in the kit; modules stand behind the last, and yours on all of it. */
function levelOf(room: string): number {
  if (!room.startsWith('kit/')) return Infinity
  const place = KIT.findIndex((rooms) => rooms.split(' ').includes(room.slice(4)))
  return place < 0 ? KIT.length : place
}

const isModule = (path: string, room: string) => levelOf(room) === KIT.length && path.split('/').length > 2

const IMPORT =
  /(?:^(?:import|export)\s+(?:(type\s+)?([\w$*{},\s]*?)\s*\bfrom\s+)?|(\btypeof )?\bimport\(\s*)['"]([^'"]+)['"]/gm

function findImports(path: string, text: string): Source['imports'] {
  return [...text.matchAll(IMPORT)].map(({ 0: all, 1: type, 2: clause, 3: query, 4: name = '', index }) => ({
    target: name.startsWith('.') ? normalize(join(dirname(path), name)) : name,
    line: text.slice(0, index).split('\n').length,
    deferred: all.includes('import('),
    typeOnly: (type ?? query) !== undefined || /^\{(\s*type\s[^,}]*,?)+\s*\}$/.test(clause ?? ''),
  }))
}

/** The file and all that it imports at run time, directly or not. */
function reachedFrom(start: string, sources: Map<string, Source>): Set<Source> {
  const reached = new Set([sources.get(start)].filter((source) => source !== undefined))
  for (const { imports } of reached) {
    for (const { target, typeOnly } of imports) {
      const source = typeOnly ? undefined : sources.get(target)
      if (source) reached.add(source) // the outer loop visits it too
    }
  }
  return reached
}

function checkForm({ path, text, room }: Source): string[] {
  const broken: string[] = []
  const isPlaced = levelOf(room) < KIT.length || isModule(path, room) || Object.hasOwn(YOURS, room)
  if (!isPlaced) {
    broken.push(at(path, 1, `${room} is no room: use one, or give it its place in scripts/architecture.ts`))
  }
  const comment = /^(?:#!.*\n)?((?:\/\/.*\n)+)/.exec(text)?.[1] ?? ''
  const opening = comment.replace(/^\/\/ npm run new -- .*\n/m, '') // by which words it was made
  if (!/^\/\/ \S[^]*[.!?]\)?\n$/.test(opening)) {
    broken.push(
      at(path, 1, 'a file opens with a sentence that says what it does: // Holds all SQL about accounts.'),
    )
  }
  if (/(^|\/)(utils?|helpers?|common)[./]/.test(path)) {
    broken.push(at(path, 1, 'utils, helpers and common say nothing: name it after what it does'))
  }
  const own = text.replaceAll(/\/\/.*|\/\*[^]*?\*\//g, '').replaceAll(IMPORT, '')
  if (/^export\b/m.test(text) && own.replaceAll(/^export\s+(type\s+)?\{[^}]*\}|;/gm, '').trim() === '') {
    broken.push(at(path, 1, 'a file that only exports what others hold is a barrel: import from those files'))
  }
  return broken
}

function checkArrows(source: Source): string[] {
  return source.imports.flatMap((one) => {
    const fault = faultOf(source, one)
    return fault === undefined ? [] : at(source.path, one.line, fault)
  })
}

function faultOf(
  { path, room }: Source,
  { target, typeOnly, deferred }: Source['imports'][number],
): string | undefined {
  const isKit = room.startsWith('kit/')
  if (target.startsWith('..') && (isKit || !OUTSIDE.test(target))) {
    return `${target} is outside of ${isKit ? 'the kit: hand it in' : 'src: move it in'}`
  }
  if (!/\.tsx?$/.test(target)) return undefined
  if (/\/routes\.tsx?$/.test(target) && room !== 'app' && dirname(path) !== dirname(target)) {
    return `only app.ts imports ${target}: take what you need from another file of that slice`
  }
  const to = roomOf(target)
  if (to === 'slice' && target.endsWith('/program.ts') && room !== 'programs')
    return `only programs.ts imports ${target}: take what you need from another file of that slice`
  if (room === 'programs' && !typeOnly && !deferred && ['slice', 'tasks'].includes(to))
    return `the supervisor reads programs.ts, and none of the app's code: write () => import('./${target}')`
  if (to !== room && levelOf(to) >= levelOf(room) && !YOURS[room]?.includes(to)) {
    return `${room} may not import ${target} (${to}): turn the arrow round, or hand it in`
  }
  return undefined
}

function checkReserved(source: Source): string[] {
  return source.imports
    .filter(({ typeOnly }) => !typeOnly)
    .flatMap(({ target, line }) =>
      RESERVED.filter(({ names, barred }) => names.test(target) && barred(source)).map(({ why }) =>
        at(source.path, line, `${target}: ${why}`),
      ),
    )
}

const at = (path: string, line: number, message: string) => `src/${path}:${line}: ${message}`
