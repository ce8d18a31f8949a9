// `npm start` as its users meet it: what it says when it cannot, what it leaves behind when it is ended or killed.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine, isAlive } from '../../../scripts/services/child.ts'
import { readServicesFile, servicesFile } from '../../../scripts/services/protocol.ts'
import { readStatus } from '../../../src/kit/process/status.ts'
import { withStats } from '../../../src/kit/process/supervisor-link.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

const ROOT = join(import.meta.dir, '../../..')
const realRedis =
  process.env.TEST_REDIS === 'embedded' ? null : (Bun.which('redis-server') ?? Bun.which('valkey-server'))

let dataDir: string
let port: number
let launched: Launch[] = []

beforeEach(async () => {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'restbun start ')))
  chmodSync(parent, 0o711) // as root, Postgres runs as another user and has to pass
  dataDir = join(parent, 'data')
  port = await freePort() // that the system gives to nobody: a server starts twice on it
  launched = []
})

afterEach(async () => {
  for (const { child } of launched) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  }
  await Promise.all(launched.map(({ exit }) => exit))
  rmSync(join(dataDir, '..'), { recursive: true })
})

interface Launch {
  child: ChildProcess
  exit: Promise<{ code: number | null; signal: string | null }>
  /** All that it printed until now. */
  said(): string
}

/** Runs a command the way npm does. What this shell or an .env file says about services does not reach it. */
function launch(command: string, env: Record<string, string> = {}): Launch {
  const child = spawn(Bun.which('node') ?? process.execPath, [join(ROOT, 'scripts', 'run.mjs'), command], {
    cwd: ROOT,
    env: {
      PATH: realRedis ? process.env.PATH : '',
      HOME: process.env.HOME,
      DATABASE_URL: '',
      MIGRATE_DATABASE_URL: '',
      REDIS_URL: '',
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: dataDir,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exit = (once(child, 'close') as Promise<[number | null, string | null]>).then(([code, signal]) => ({
    code,
    signal,
  }))
  const launch = { child, exit, said: () => output }
  launched.push(launch)
  return launch
}

async function launchServer(): Promise<Launch> {
  const server = launch('start')
  const serves = until('the server to say where it is', () =>
    server.said().includes(`http://127.0.0.1:${port}  (`),
  )
  const ended = server.exit.then(({ code, signal }) => {
    throw new Error(`It ended (${code ?? signal}):\n${server.said()}`)
  })
  await Promise.race([serves, ended])
  return server
}

const call = (path: string, body?: object, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { ...headers, ...(body ? { 'Content-Type': 'application/json' } : {}) },
    body: body && JSON.stringify(body),
  })

const accepts = (portOrUrl: number | string) =>
  new Promise<boolean>((answer) => {
    const target = typeof portOrUrl === 'number' ? portOrUrl : Number(new URL(portOrUrl).port)
    const socket = connect(target, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      answer(true)
    })
    socket.once('error', () => answer(false))
  })

/** Everything that a running server consists of, told by what it wrote down. */
function takeStock() {
  const services = readServicesFile(dataDir)
  if (!services?.databaseUrl || !services.redisUrl)
    throw new Error('services.json does not name both services')
  const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  expect(commandLine(postmaster)).toContain('postgres')
  return { pids: [services.pid, postmaster], ports: [port, services.databaseUrl, services.redisUrl] }
}

async function untilNothingIsLeft({ pids, ports }: ReturnType<typeof takeStock>): Promise<void> {
  await until('every process to end', () => !pids.some(isAlive))
  await until('every port to be closed', async () => !(await Promise.all(ports.map(accepts))).includes(true))
}

const ACCOUNT = { email: 'ann@example.com', password: 'Secret123', fname: 'Ann', lname: 'Lee' }

test('a taken port is said, with the remedy, before anything is started', async () => {
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  try {
    const server = launch('start')
    expect(await server.exit).toEqual({ code: 1, signal: null })
    expect(server.said()).toMatch(new RegExp(`^Port ${port} is taken .*PORT=${port + 1} npm start\\n$`))
    expect(existsSync(dataDir)).toBe(false)
  } finally {
    other.close()
  }
})

test('production without its services names both variables and starts none', async () => {
  const server = launch('start', { NODE_ENV: 'production', APP_URL: 'https://api.example.com' })
  expect(await server.exit).toEqual({ code: 1, signal: null })
  expect(server.said()).toContain('DATABASE_URL is not set')
  expect(server.said()).toContain('REDIS_URL is not set')
  expect(server.said()).not.toContain('    at ')
  expect(existsSync(dataDir)).toBe(false)
})

test('kill -9 of the launcher leaves no process and no port, and what was written is there after the next start', async () => {
  const first = await launchServer()
  const signup = await call('/api/signup', ACCOUNT)
  expect(signup.status).toBe(201)
  const stock = takeStock()
  first.child.kill('SIGKILL')
  await untilNothingIsLeft(stock)

  await launchServer()
  expect((await call('/api/login', ACCOUNT)).status).toBe(200)
  expect((await call('/api/signup', ACCOUNT)).status).toBe(400)
})

test('SIGTERM lets the request in flight end, then the services, and exits 0', async () => {
  const server = await launchServer()
  const stock = takeStock()
  const slow = call('/apitest/sleep?ms=1500')
  await until('it to be in', () =>
    readStatus(dataDir)
      ?.processes.map(withStats)
      .some(({ inFlight }) => inFlight > 0),
  )
  server.child.kill('SIGTERM')
  expect((await slow).status).toBe(200)
  expect(await server.exit).toEqual({ code: 0, signal: null })
  await untilNothingIsLeft(stock)
  expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).toContain('database system is shut down')
})

test('SIGHUP reloads what runs, and ends nothing', async () => {
  const server = await launchServer()
  const stock = takeStock()
  server.child.kill('SIGHUP')
  await until('the reload', () => server.said().includes('reload done'))
  expect((await call('/ready')).status).toBe(200)
  expect(takeStock()).toEqual(stock)
})

test('other commands of the checkout share the services that run, and leave them running', async () => {
  await launchServer()
  const stock = takeStock()
  const migrate = launch('migrate')
  expect(await migrate.exit).toEqual({ code: 0, signal: null })
  expect(migrate.said()).toContain('the database is up to date')
  expect(takeStock()).toEqual(stock)
  expect((await call('/ready')).status).toBe(200)
})

test('services that are killed end the server too, with a failure, and it is said', async () => {
  const server = await launchServer()
  const stock = takeStock()
  const { pid } = readServicesFile(dataDir) ?? {}
  process.kill(pid ?? 0, 'SIGKILL')
  expect(await server.exit).toEqual({ code: 1, signal: null })
  expect(server.said()).toContain('The process that held Postgres and Redis was killed')
  await untilNothingIsLeft(stock)
})

test('passwords and data are for their owner only', async () => {
  await launchServer()
  const mode = (path: string) => statSync(path).mode & 0o777
  expect(mode(servicesFile(dataDir))).toBe(0o600)
  expect(mode(join(dataDir, 'postgres.password'))).toBe(0o600)
  expect(mode(join(dataDir, 'postgres'))).toBe(0o700)
})

test.skipIf(!realRedis)('sessions survive a restart on a Redis of this machine', async () => {
  const first = await launchServer()
  const signup = await call('/api/signup', ACCOUNT)
  const cookie = signup.headers.get('set-cookie')?.split(';')[0] ?? ''
  first.child.kill('SIGTERM')
  await first.exit

  await launchServer()
  expect((await call('/api/me', undefined, { cookie })).status).toBe(200)
})

test.skipIf(realRedis !== null)(
  'on the embedded Redis the start says that sessions end with it',
  async () => {
    const server = await launchServer()
    await until('the warning', () => server.said().includes('sessions and queued jobs end with it'))
    expect(server.said()).toContain('embedded Redis in memory')
  },
)
