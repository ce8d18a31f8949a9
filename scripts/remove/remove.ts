// Takes modules out of a checkout: their folders, and the lines of yours that use them or speak of them.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { generateMigration, newestSnapshot } from '../generate.ts'
import { listKnown } from '../git.ts'
import { isKit } from '../kit-folders.ts'
import { runTool } from '../tool.ts'
import { cutCode } from './code.ts'
import { forgetMigrations } from './forget-migrations.ts'
import { type Module, MODULES } from './modules.ts'
import { cutPage } from './page.ts'

interface Manifest {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  /** What this project is without. */
  restbun?: { removed?: string[] }
  [entry: string]: unknown
}

/** The test that a new resource gets, with the regions of it that ask for a file: `// if src/x.ts` ... `// end`. */
const TEMPLATE = 'scripts/new/template/routes.test.ts'
const REGION = /^ *\/\/ if (\S+)\n[^]*?^ *\/\/ end\n/gm

/** Of the root and of the folders that a project has. */
const YOURS = /^((src|test|scripts|drizzle)\/.*|[^/]+)(\.(tsx?|md|sh|json)|ignore)$/

/** They tell of what was. */
const HISTORY = /^(CHANGELOG|UPGRADING)\.md$/

export const readManifest = (root: string) =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

/**
 * Removes modules from a checkout and notes them in its package.json (`restbun.removed`). Done again it changes nothing:
 * an upgrade that has put a newer kit in place calls it for all that `restbun.removed` names.
 * @param root the checkout
 * @param names of `MODULES`
 * @param options.undeployed the migrations of the modules' tables go, too; else another one drops the tables
 * @returns what was done, line by line, and what of yours still speaks of them, `path:line: text` each
 */
export async function removeModules(root: string, names: string[], { undeployed = false } = {}) {
  const modules = names.map((name) => moduleOf(name))
  const paths = modules.flatMap((module) => module.paths)
  const done: string[] = []
  const isThere = (path: string) => existsSync(join(root, path))
  const migrated = newestSnapshot(root).tables
  const tables = modules
    .flatMap((module) => module.tables ?? [])
    .filter((table) => Object.hasOwn(migrated, `public.${table}`))
  if (undeployed) done.push(...tables.flatMap((table) => forgetMigrations(root, table)))
  for (const path of paths) {
    if (!isThere(path)) continue // by now: one may lie in another
    rmSync(join(root, path), { recursive: true })
    done.push(`deleted ${path}`)
  }

  const changed = yours(root).filter((path) => cutFile(root, path, modules, paths))
  const { dependencies, devDependencies } = readManifest(root)
  const packages = modules
    .flatMap((module) => module.packages ?? [])
    .filter((name) => Object.hasOwn({ ...dependencies, ...devDependencies }, name))
  if (changeManifest(root, modules, packages)) changed.push('package.json')
  const formatted = changed.filter((path) => /\.(tsx?|md|json)$/.test(path))
  if (formatted.length > 0) await runTool(root, 'oxfmt', formatted)
  done.push(...changed.map((path) => `changed ${path}`))
  if (packages.length > 0) done.push(...(await lock(root)))
  await run(root, process.execPath, join(root, 'scripts/settings.ts'))
  if (tables.length > 0 && !undeployed) {
    done.push(`wrote   ${await generateMigration(root, `drop_${tables.join('_')}`)}`)
  }
  // Last: what has broken off half way can be done again.
  if (noteRemoved(root, names) && !changed.includes('package.json')) done.push('changed package.json')
  await runTool(root, 'oxfmt', ['package.json'])
  return { done, left: findMentions(root, modules) }
}

/** @throws Error that names those that there are */
export function moduleOf(name: string): Module {
  const module = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined
  if (module === undefined)
    throw new Error(`No module is called "${name}": ${Object.keys(MODULES).join(', ')}`)
  return module
}

/** The project's own files of text, without those that git ignores; a release that becomes a project has no git yet. */
const yours = (root: string): string[] =>
  (
    listKnown(root) ??
    ['*', '{src,test,scripts,drizzle}/**/*'].flatMap((pattern) => [
      ...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true }),
    ])
  ).filter((path) => YOURS.test(path) && !isKit(path) && existsSync(join(root, path)))

function cutFile(root: string, path: string, modules: Module[], paths: string[]): boolean {
  const before = readFileSync(join(root, path), 'utf8')
  const after = modules.reduce((text, { mentions }) => cut(text, path, mentions, paths), before)
  if (after === before) return false
  writeFileSync(join(root, path), after)
  return true
}

/** Files that only list and mount are cut, and tests; the code of a slice is yours to change. */
function cut(text: string, path: string, mentions: RegExp, paths: string[]): string {
  const isTest = /^test\/.*\.tsx?$/.test(path)
  if (path === TEMPLATE)
    return text.replaceAll(REGION, (region, asked: string) => (isWithin(asked, paths) ? '' : region))
  if (isTest || /^src\/\w+\.ts$/.test(path)) {
    const isGone = (target: string) => isWithin(normalize(join(dirname(path), target)), paths)
    return cutCode(text, { isGone, mentions, isTest })
  }
  if (path.endsWith('.md')) return HISTORY.test(path) ? text : cutPage(text, mentions)
  if (path.endsWith('.sh') || path.endsWith('ignore')) {
    const isKept = (line: string) => !mentions.test(line) && !isWithin(line.trim(), paths)
    return text.split('\n').filter(isKept).join('\n')
  }
  if (path !== 'tsconfig.json' && path !== '.oxlintrc.json') return text
  return text.replaceAll(/\[("[\w/.*-]+"(?:, )?)+\]/g, (list) => {
    const kept = list
      .slice(1, -1)
      .split(', ')
      .filter((entry) => !isWithin(entry.slice(1, -1), paths))
    return `[${kept.join(', ')}]`
  })
}

const isWithin = (path: string, paths: string[]) =>
  paths.some((gone) => path === gone || path.startsWith(`${gone}/`))

/** @returns whether it differs from before */
function changeManifest(root: string, modules: Module[], packages: string[]): boolean {
  const manifest = readManifest(root)
  const before = JSON.stringify(manifest)
  for (const [name, line] of Object.entries(manifest.scripts)) {
    const file = /run\.mjs ([\w/-]+)/.exec(line)?.[1]
    if (file !== undefined && !existsSync(join(root, 'scripts', `${file}.ts`))) delete manifest.scripts[name]
  }
  for (const name of packages) {
    delete manifest.dependencies[name]
    delete manifest.devDependencies[name]
  }
  for (const entry of modules.flatMap((module) => module.entries ?? [])) delete manifest[entry]
  if (JSON.stringify(manifest) === before) return false
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest, null, 2))
  return true
}

/** @returns whether that is new */
function noteRemoved(root: string, names: string[]): boolean {
  const manifest = readManifest(root)
  const before = manifest.restbun?.removed ?? []
  const removed = [...new Set([...before, ...names])].toSorted()
  if (Bun.deepEquals(removed, before)) return false
  manifest.restbun = { ...manifest.restbun, removed }
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest, null, 2))
  return true
}

const LOCKS: Record<string, string[]> = {
  'bun.lock': [process.execPath, 'install', '--lockfile-only', '--ignore-scripts'],
  'package-lock.json': 'npm install --package-lock-only --ignore-scripts --offline --no-audit'.split(' '),
}

/**
 * Takes packages that are in package.json no more out of what is locked; what stays keeps its version. In a folder of its
 * own: npm would note in node_modules that they are gone from there, too.
 */
async function lock(root: string): Promise<string[]> {
  const there = Object.keys(LOCKS).filter((file) => existsSync(join(root, file)))
  const folder = mkdtempSync(join(tmpdir(), 'lock-'))
  try {
    for (const file of there) {
      for (const name of ['package.json', file]) copyFileSync(join(root, name), join(folder, name))
      await run(folder, ...(LOCKS[file] ?? []))
      copyFileSync(join(folder, file), join(root, file))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return there.map((file) => `changed ${file}`)
}

async function run(root: string, ...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd: root, stdout: 'pipe', stderr: 'pipe' })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0)
    throw new Error(`${command.slice(0, 3).join(' ')} failed (exit code ${code}):\n${out}${err}`.trimEnd())
}

function findMentions(root: string, modules: Module[]): string[] {
  const paths = yours(root).filter((path) => !HISTORY.test(path) && !path.endsWith('.json'))
  return paths.toSorted().flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        modules.some(({ mentions }) => mentions.test(line)) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
      ),
  )
}
