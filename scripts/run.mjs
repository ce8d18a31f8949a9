// Runs a command of scripts/ with Bun, on a machine that may have nothing but Node and npm: installs what is missing first.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = rootAsGiven(fileURLToPath(new URL('..', import.meta.url)))
const PARENT_POLL_MS = 300
// The terminal sends its own to the whole group as well; scripts/start.ts takes several as one.
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', ...(isServing() ? ['SIGUSR2'] : [])]

const { dependencies, devDependencies } = readJson('package.json')
const [command = 'start', ...args] = process.argv.slice(2)

if (!isInstalled()) install()
// What Bun reads from .env the children would inherit, and a reload could not read it afresh: they read it themselves.
const envOption = isServing() ? ['--no-env-file'] : []
await run(findBun(), ['--no-orphans', ...envOption, join('scripts', `${command}.ts`), ...args])

/** This command serves, and so reloads. */
function isServing() {
  return ['start', 'dev', undefined].includes(process.argv[2])
}

/** By the name that was used to come here: a link such as `current` may lead to another release one day. */
function rootAsGiven(real) {
  const { PWD } = process.env
  return PWD && existsSync(PWD) && realpathSync(PWD) === realpathSync(real) ? PWD : real
}

/** True if node_modules holds what the lockfile asks for, whoever put it there: npm or bun. */
function isInstalled() {
  const installed = readJson('node_modules/.package-lock.json')?.packages
  if (installed) {
    return Object.entries(readJson('package-lock.json').packages).every(
      ([path, wanted]) =>
        path === '' ||
        installed[path]?.version === wanted.version ||
        (!installed[path] && mayBeAbsent(wanted)),
    )
  }
  // `bun install` leaves no such list, nor does npm in a workspace; what package.json names is pinned there.
  return Object.entries({ ...dependencies, ...(isPruned() ? {} : devDependencies) }).every(
    ([name, version]) => readJson(join(findPackage(name), 'package.json'))?.version === version,
  )
}

/** The folder of a package: here, or above, where a workspace has what its packages share. */
function findPackage(name) {
  for (let folder = ROOT; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(found) || folder === dirname(folder)) return found
  }
}

/** Packages for other platforms are absent everywhere, those for development where a production image left them out. */
function mayBeAbsent({ optional, devOptional, dev }) {
  return optional || devOptional || (dev && isPruned())
}

function isPruned() {
  return process.env.NODE_ENV === 'production' && bunOnPath() !== undefined
}

function install() {
  const bun =
    process.env.npm_config_user_agent?.startsWith('bun/') || process.versions.bun ? bunOnPath() : undefined
  // Development packages too, whatever NODE_ENV says: Bun itself is one.
  const [program, ...options] = bun
    ? [bun, 'install', '--frozen-lockfile']
    : ['npm', 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  console.error(`Installing packages (${bun ? 'bun install' : 'npm ci'}) ...`)
  const { status, error } = spawnSync(program, options, { cwd: ROOT, stdio: ['ignore', 2, 2] })
  if (status !== 0) giveUp(`The packages could not be installed${error ? `: ${error.message}` : ''}`)
}

function findBun() {
  const home = findPackage('bun')
  const local = join(home, 'bin', 'bun.exe') // called so on every platform
  if (isBun(local)) return local
  const global = bunOnPath()
  if (global) return global
  // Where install scripts did not run, the package holds a stub; its script puts the binary in place.
  if (existsSync(home)) spawnSync(process.execPath, ['install.js'], { cwd: home, stdio: ['ignore', 2, 2] })
  if (isBun(local)) return local
  return giveUp(
    'There is no Bun for this machine in node_modules, nor on PATH: see https://bun.com/docs/installation',
  )
}

function bunOnPath() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !folder.includes('node_modules')) // npm puts .bin first, with the stub
    .map((folder) => join(folder, 'bun'))
    .find(isBun)
}

/** True if it runs, and is the version that package.json pins or a later one. */
function isBun(path) {
  if (!existsSync(path)) return false
  const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return status === 0 && !isEarlier(stdout.trim(), devDependencies.bun)
}

function isEarlier(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

/** Ends with the exit code of the program. Signals are passed on, and so is the death of npm, which passes none on then. */
async function run(program, programArgs) {
  const child = spawn(program, programArgs, {
    cwd: ROOT,
    env: { ...process.env, PWD: ROOT },
    stdio: 'inherit',
  })
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal))
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event && process.ppid !== parent) child.kill('SIGTERM')
  }, PARENT_POLL_MS)
  const code = await new Promise((end) => {
    child.on('error', (error) => giveUp(`${program} does not start: ${error.message}`))
    child.on('exit', (exitCode, signal) => end(exitCode ?? (signal === 'SIGINT' ? 130 : 1)))
  })
  clearInterval(watch)
  process.exit(code)
}

function readJson(path) {
  const file = resolve(ROOT, path)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function giveUp(why) {
  console.error(why)
  process.exit(1)
}
