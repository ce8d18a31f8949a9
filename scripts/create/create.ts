// Makes a project: `npm create restbun my-app`. It is bundled into the package, and runs on Node 20 with nothing installed.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import release from '../../package.json'
import { oneOf, readArguments, runCommand, UsageError } from '../command.ts'
import { refuseBadName } from '../rename/name.ts'
import { MODULES as DECLARED } from '../remove/modules.ts'

const MODULES = Object.keys(DECLARED)

const USAGE = `Usage: npm create restbun <folder> [-- options]
  --with <module>,...   modules to have: ${MODULES.join(', ')}; or all. Without it the core alone
  --sample              short for --with sample
  --yes                 asks nothing
The folder's name is the project's: lowercase letters, digits and single hyphens, a letter first.`

await runCommand(USAGE, async () => {
  const { folder, modules } = await askFor(readWish())
  const name = basename(folder)
  refuseBadName(name, release)
  refuseFull(folder)
  const made = mkdirSync(folder, { recursive: true }) // the outermost of those that were not there
  try {
    unpack(folder)
    const without = MODULES.filter((module) => !modules.includes(module))
    // The project installs its packages itself, as for every command.
    await run(folder, ['scripts/run.mjs', 'create/make', name, '--without', without.join()])
  } catch (error) {
    for (const path of made === undefined
      ? readdirSync(folder).map((entry) => join(folder, entry))
      : [made]) {
      rmSync(path, { recursive: true, force: true })
    }
    throw error
  }
  commit(folder)
  console.log(`\n${name} is made, on restbun ${release.version}. Next:\n\n  cd ${folder}
  npm run new -- book title:string   # a resource
  npm start                          # http://localhost:8100/api/list`)
})

interface Wish {
  folder?: string
  modules?: string[]
  isAsked: boolean
}

function readWish(): Wish {
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = readArguments({ with: { type: 'string' }, sample: flag, yes: flag }, 1)
  const named = values.with === undefined && !values.sample ? undefined : readModules(values.with ?? '')
  const modules = named && values.sample ? [...named, 'sample'] : named
  return { folder: positionals[0], modules, isAsked: !values.yes && process.stdin.isTTY }
}

function readModules(text: string): string[] {
  const names = text.split(/[\s,]+/).filter(Boolean)
  if (names.includes('all')) return [...MODULES]
  return names.map((name) => oneOf(name, MODULES, 'module'))
}

async function askFor({ folder, modules, isAsked }: Wish): Promise<{ folder: string; modules: string[] }> {
  const ask = async (question: string) => {
    if (!isAsked) return ''
    const terminal = createInterface({ input: process.stdin, output: process.stdout })
    return await terminal.question(question).finally(() => terminal.close())
  }
  const where = folder ?? (await ask('Folder, and so the name: '))
  if (where === '') throw new UsageError('Which folder?')
  const question = `Modules (${MODULES.join(', ')}; or all; nothing for the core alone): `
  return { folder: resolve(where), modules: modules ?? readModules(await ask(question)) }
}

function refuseFull(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return
  throw new Error(`${folder} is not empty: name a folder that is, or that does not exist`)
}

/** The release lies beside this file, packed: npm leaves .gitignore and its like out of a package. */
function unpack(folder: string): void {
  const file = fileURLToPath(new URL('release.tgz', import.meta.url))
  const { status, error, stderr } = spawnSync('tar', ['-xzf', file, '-C', folder], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tar cannot unpack the project: ${error?.message ?? stderr}`)
}

/** Runs a script. A signal ends it, and what was begun is cleared away. */
async function run(folder: string, args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, PWD: folder },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const end = () => child.kill()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  const code = await new Promise<number | null>((exited, failed) =>
    child.on('error', failed).on('exit', exited),
  )
  if (code !== 0)
    throw new Error('No project was made, and nothing is left of it: what went wrong stands above')
}

/** The first commit is what a later upgrade is undone to. */
function commit(folder: string): void {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' })
  const inside = git('rev-parse', '--is-inside-work-tree')
  const later = (why: string) => console.log(`${why}. npm run upgrade needs the project committed`)
  if (inside.error) return later('git is not here, so nothing is committed')
  if (inside.status === 0) return later('The folder is in a git repository already, and nothing is committed')
  git('init', '--quiet')
  git('add', '--all')
  const { status, stderr } = git('commit', '--quiet', '-m', `A project on restbun ${release.version}`)
  if (status !== 0) later(`The first commit is yours to make:\n${stderr.trim()}\n`)
}
