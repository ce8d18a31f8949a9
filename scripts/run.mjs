// Runs a command of scripts/ with Bun, on a machine that may have nothing but Node and npm: installs what is missing first.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MIN_BUN = [1, 4]
const IS_WINDOWS = process.platform === 'win32'

const [command = 'start', ...args] = process.argv.slice(2)

if (!isInstalled()) install()
const bun =
  localBun() ??
  bunOnPath() ??
  giveUp('Bun is neither in node_modules nor on PATH: run "npm ci --include=dev"')
await run(bun, ['--no-orphans', join('scripts', `${command}.ts`), ...args])

/** True if every direct dependency lies in node_modules in the version that package.json asks for. */
function isInstalled() {
  const { dependencies, devDependencies } = readJson('package.json')
  return Object.entries({ ...dependencies, ...devDependencies }).every(([name, version]) => {
    const manifest = join('node_modules', name, 'package.json')
    if (name === 'bun' && bunOnPath() !== undefined) return true
    return existsSync(join(ROOT, manifest)) && readJson(manifest).version === version
  })
}

function install() {
  console.log('Installing dependencies (npm ci) ...')
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : [IS_WINDOWS ? 'npm.cmd' : 'npm']
  const [program, ...before] = npm
  // Development packages too, whatever NODE_ENV says: Bun itself is one.
  const { status, error } = spawnSync(
    program,
    [...before, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: ROOT,
      stdio: 'inherit',
    },
  )
  if (status !== 0) giveUp(`The dependencies could not be installed${error ? `: ${error.message}` : ''}`)
}

/** Bun from node_modules. Where install scripts did not run, the package holds a stub and fetches itself from beside it. */
function localBun() {
  const home = join(ROOT, 'node_modules', 'bun')
  const binary = join(home, 'bin', 'bun.exe') // called so on every platform
  if (!existsSync(binary)) return undefined
  if (isStub(binary)) spawnSync(process.execPath, ['install.js'], { cwd: home, stdio: 'ignore' })
  return isStub(binary) ? undefined : binary
}

function isStub(binary) {
  return statSync(binary).size < 1_000_000
}

function bunOnPath() {
  const names = IS_WINDOWS ? ['bun.exe'] : ['bun']
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // npm and bun put node_modules/.bin first: that one may be the stub.
    if (folder === '' || folder.includes('node_modules')) continue
    for (const name of names) {
      const candidate = join(folder, name)
      if (existsSync(candidate) && isRecent(candidate)) return candidate
    }
  }
  return undefined
}

function isRecent(candidate) {
  const { stdout, status } = spawnSync(candidate, ['--version'], { encoding: 'utf8' })
  const [major = 0, minor = 0] = (stdout ?? '').split('.').map(Number)
  return status === 0 && (major > MIN_BUN[0] || (major === MIN_BUN[0] && minor >= MIN_BUN[1]))
}

/** Runs to the end with this process's exit code. Signals are passed on; if our own parent dies, so does the child. */
async function run(program, programArgs) {
  const child = spawn(program, programArgs, { cwd: ROOT, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => {
      // Ctrl-C has reached the child already: it belongs to the same group of the terminal.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM')
  }, 500)
  const code = await new Promise((resolve) => {
    child.on('error', (error) => giveUp(`${program} does not start: ${error.message}`))
    child.on('exit', (exitCode, signal) => resolve(exitCode ?? (signal === 'SIGINT' ? 130 : 1)))
  })
  clearInterval(watch)
  process.exit(code)
}

function readJson(path) {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
}

function giveUp(why) {
  console.error(why)
  process.exit(1)
}
