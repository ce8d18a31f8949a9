// Takes modules out of a checkout: their folders, and the lines of yours that use them or speak of them.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { generateMigration } from '../generate.ts'
import { newestSnapshot } from '../generate/snapshot.ts'
import { listKnown } from '../git.ts'
import { hint } from '../../src/kit/types/nearest.ts'
import { isKit } from '../kit-folders.ts'
import { type Manifest, readManifest } from '../manifest.ts'
import { run, runTool } from '../tool.ts'
import { cutCode } from './code.ts'
import { forgetMigrations } from './forget-migrations.ts'
import { type Module, MODULES } from './modules.ts'
import { cutPage } from './page.ts'

/** The test that a new resource gets, with the regions of it that ask for a file: `// if src/x.ts` ... `// end`. */
const TEMPLATE = 'scripts/new/template/routes.test.ts'
const REGION = /^( *)\/\/ if (\S+)\n[^]*?^\1\/\/ end\n/gm

/** Of the root and of the folders that a project has. */
const YOURS = /^((src|test|scripts|drizzle)\/.*|[^/]+)(\.(tsx?|md|sh|json)|ignore)$/

/** They tell of what was, and of a project with other modules than this one; the generator looks at what there is. */
const NOT_OF_THIS = /^((CHANGELOG|UPGRADING|src\/TUTORIAL)\.md|scripts\/new\/template\/.*)$/

/**
 * Removes modules from a checkout and notes them in its package.json (`restbun.removed`). Done again it changes nothing, and
 * completes what has broken off.
 * @param root the checkout
 * @param named of `MODULES`; with them goes what only they share, and what stands on them
 * @param options.undeployed the migrations of the modules' tables go, too; else another one drops the tables
 * @returns what was done, line by line, and what of yours still speaks of them, `path:line: text` each
 */
export async function removeModules(root: string, named: string[], { undeployed = false } = {}) {
  const removed = readManifest(root).restbun?.removed ?? []
  const names = withShared(named, removed)
  const modules = names.map((name) => moduleOf(name))
  const paths = modules.flatMap((module) => module.paths)
  const done: string[] = []
  const isThere = (path: string) => existsSync(join(root, path))
  const migrated = newestSnapshot(root).tables
  const tables = modules
    .flatMap((module) => module.tables ?? [])
    .filter((table) => Object.hasOwn(migrated, `public.${table}`))
  if (undeployed && tables.length > 0) done.push(...forgetMigrations(root, tables))
  for (const path of paths) {
    if (!isThere(path)) continue // by now: one may lie in another
    rmSync(join(root, path), { recursive: true })
    done.push(`deleted ${path}`)
  }

  const cutFiles = yours(root).filter((path) => cutFile(root, path, modules, paths))
  const changed = cutFiles.filter(isThere)
  done.push(...cutFiles.filter((path) => !isThere(path)).map((path) => `deleted ${path}`))
  const formatted = changed.filter((path) => /\.(tsx?|md|json)$/.test(path))
  if (formatted.length > 0) await runTool(root, 'oxfmt', formatted)
  done.push(...changed.map((path) => `changed ${path}`))
  await run(root, [process.execPath, join(root, 'scripts/settings.ts')])
  if (tables.length > 0 && !undeployed) {
    for (const path of await generateMigration(root, `drop_${tables.join('_')}`, ['--contract', ...tables]))
      done.push(`wrote   ${path}`)
  }

  const before = readManifest(root)
  const after = manifestWithout(root, names, modules)
  const countPackages = ({ dependencies, devDependencies }: Manifest) =>
    Object.keys({ ...dependencies, ...devDependencies }).length
  if (countPackages(after) < countPackages(before)) done.push(await lock(root, after))
  // Last, since it notes that they are removed: what has broken off half way can be done again.
  if (!Bun.deepEquals(before, after)) {
    writeFileSync(join(root, 'package.json'), JSON.stringify(after, null, 2))
    await runTool(root, 'oxfmt', ['package.json'])
    done.push('changed package.json')
  }
  return { done, left: findMentions(root, modules) }
}

/** With those that stand on one of them, and what the last of them has stood on. */
export function withShared(names: string[], removed: string[]): string[] {
  const standingOn = (base: string) => Object.keys(MODULES).filter((name) => MODULES[name]?.standsOn === base)
  const above = names.flatMap(standingOn).filter((name) => !removed.includes(name))
  const going = new Set([...names, ...above])
  const isGone = (name: string) => going.has(name) || removed.includes(name)
  for (const { standsOn } of [...going].map((name) => moduleOf(name)))
    if (standsOn !== undefined && standingOn(standsOn).every(isGone)) going.add(standsOn)
  return [...going]
}

/** @throws Error that names the nearest, or those that there are */
export function moduleOf(name: string): Module {
  const module = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined
  if (module === undefined) throw new Error(`There is no module "${name}"${hint(name, Object.keys(MODULES))}`)
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
  if (/\.tsx?$/.test(path) && ONLY_COMMENTS.test(after)) rmSync(join(root, path))
  else writeFileSync(join(root, path), after)
  return true
}

/** Such as the factories of tests, when that of the module was the only one. */
const ONLY_COMMENTS = /^(\s*\/\/.*(\n|$))*\s*$/

/** Files that only list and mount are cut, and tests; the code of a slice is yours to change. */
function cut(text: string, path: string, mentions: RegExp, paths: string[]): string {
  const isTest = /^test\/.*\.tsx?$/.test(path)
  if (path === TEMPLATE)
    return text.replaceAll(REGION, (region, _, asked: string) => (isWithin(asked, paths) ? '' : region))
  if (isTest || /^((src|scripts\/own)\/\w+|src\/account\/product)\.ts$/.test(path)) {
    const isGone = (target: string) => isWithin(normalize(join(dirname(path), target)), paths)
    return cutCode(text, { isGone, mentions, isTest })
  }
  if (path.endsWith('.md')) return NOT_OF_THIS.test(path) ? text : cutPage(text, mentions)
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

/** What package.json is to be: without what only the modules need, and with a note of them. */
function manifestWithout(root: string, names: string[], modules: Module[]): Manifest {
  const manifest = readManifest(root)
  for (const [name, line] of Object.entries(manifest.scripts)) {
    const file = /run\.mjs ([\w/-]+)/.exec(line)?.[1]
    if (file !== undefined && !existsSync(join(root, 'scripts', `${file}.ts`))) delete manifest.scripts[name]
  }
  for (const name of modules.flatMap(({ packages = [] }) => packages)) {
    delete manifest.dependencies[name]
    delete manifest.devDependencies[name]
  }
  const removed = new Set([...(manifest.restbun?.removed ?? []), ...names])
  return { ...manifest, restbun: { ...manifest.restbun, removed: [...removed].toSorted() } }
}

const LOCKFILE = 'package-lock.json'
const LOCK = 'npm install --package-lock-only --ignore-scripts --offline --no-audit'.split(' ')

/**
 * Takes packages that are in the manifest no more out of what is locked; what stays keeps its version. In a folder of its
 * own: npm would note in node_modules that they are gone from there, too.
 */
async function lock(root: string, manifest: Manifest): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'))
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
    copyFileSync(join(root, LOCKFILE), join(folder, LOCKFILE))
    await run(folder, LOCK)
    copyFileSync(join(folder, LOCKFILE), join(root, LOCKFILE))
  } finally {
    rmSync(folder, { recursive: true })
  }
  return `changed ${LOCKFILE}`
}

function findMentions(root: string, modules: Module[]): string[] {
  const paths = yours(root).filter((path) => !NOT_OF_THIS.test(path) && !path.endsWith('.json'))
  return paths.toSorted().flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        modules.some(({ mentions }) => mentions.test(line)) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
      ),
  )
}
