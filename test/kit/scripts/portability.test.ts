// The app runs wherever Hono does: bundled without a runtime in mind, it serves from a context of web globals alone.
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { createContext, Script } from 'node:vm'
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'bun:test'
import type { createApp } from '../../../src/app.ts'
import { type Role, roles } from '../../../src/account/roles.ts'
import { type Config, loadConfig } from '../../../src/config.ts'
import type { KitDeps } from '../../../src/kit/deps.ts'
import type { LogFields } from '../../../src/kit/types/log.ts'

const SRC = join(import.meta.dir, '../../../src')

/** Globals of every runtime with web APIs. What the language itself brings, a context has of its own. */
const WEB_GLOBALS = {
  AbortController,
  AbortSignal,
  Blob,
  DecompressionStream,
  Event,
  EventTarget,
  File,
  FormData,
  Headers,
  Request,
  Response,
  ReadableStream,
  TransformStream,
  WritableStream,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  DOMException,
  atob,
  btoa,
  console,
  crypto,
  performance,
  queueMicrotask,
  structuredClone,
}

/** Bundles the text of a module that stands in src. @throws if anything imports a module of Node or Bun. */
async function bundle(text: string): Promise<string> {
  const built = await Bun.build({
    entrypoints: [join(SRC, 'in-bare-context.ts')],
    files: { [join(SRC, 'in-bare-context.ts')]: text },
    target: 'browser',
    format: 'iife',
    define: { 'process.env.NODE_ENV': 'process.env.NODE_ENV' }, // else it is replaced, and so not found
    plugins: [{ name: 'bare', setup: refuseTheRuntime }],
  })
  const [output] = built.outputs
  if (output === undefined) throw new Error('the bundle is empty')
  return output.text()
}

// A browser build would put polyfills in the place of Node's modules, and so hide that they are used.
function refuseTheRuntime(build: Bun.PluginBuilder): void {
  build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
    if (path === 'node:async_hooks') return { path, namespace: 'bare' }
    if (isBuiltin(path)) throw new Error(`${importer} imports ${path}`)
    return undefined
  })
  build.onLoad({ filter: /.*/, namespace: 'bare' }, () => ({
    contents: 'export const AsyncLocalStorage = globalThis.AsyncLocalStorage',
    loader: 'js',
  }))
}

/** Evaluates the module in a bare context and answers its globals. Only then are there timers and `fetch`. */
async function evaluate(text: string): Promise<Record<string, unknown>> {
  const context = createContext({ ...WEB_GLOBALS, AsyncLocalStorage })
  new Script(await bundle(text)).runInContext(context)
  return Object.assign(context, { fetch, setTimeout, clearTimeout, setInterval, clearInterval })
}

/** Stands for what a request must not touch here. */
function untouched(name: string): never {
  return new Proxy({}, { get: (_, key) => fail(`deps.${name}.${String(key)} was touched`) }) as never
}

function fail(message: string): never {
  throw new Error(message)
}

async function startBareApp() {
  const context = await evaluate(`import { createApp } from './app.ts'; globalThis.createApp = createApp`)
  const config = loadConfig({
    DATABASE_URL: 'postgres://bare.invalid/none',
    REDIS_URL: 'redis://bare.invalid',
    CORS_ORIGINS: 'https://app.example.com',
    TRUSTED_PROXIES: '10.0.0.0/8',
  })
  const lines: { message: string; fields?: LogFields }[] = []
  const add = (message: string, fields?: LogFields) => void lines.push({ message, fields })
  // Only what these requests need: another dependency that they touch is undefined here, and fails them.
  const deps = {
    config,
    roles,
    startedAt: Date.now(),
    log: { debug: add, info: add, warn: add, error: add },
    ready: async () => {},
    db: untouched('db'),
    stale: untouched('stale'),
    sessions: untouched('sessions'),
    store: untouched('store'),
    passwords: untouched('passwords'),
    secrets: untouched('secrets'),
    rateLimiter: untouched('rateLimiter'),
    queueAdmin: untouched('queueAdmin'),
    cronAdmin: untouched('cronAdmin'),
    enqueue: () => fail('deps.enqueue was touched'),
    cancelJob: () => fail('deps.cancelJob was touched'),
    jobStatus: () => fail('deps.jobStatus was touched'),
    digest: () => fail('deps.digest was touched'),
    forgetJob: () => fail('deps.forgetJob was touched'),
    sendMail: () => fail('deps.sendMail was touched'),
    reportUnexpected: () => fail('deps.reportUnexpected was touched'),
  } satisfies KitDeps<Config, Role>
  const app = (context.createApp as (given: typeof deps) => ReturnType<typeof createApp>)(deps)
  const request = (path: string, init?: RequestInit) =>
    app.request(`http://bare.example.com${path}`, init, { remoteAddress: '10.1.2.3' })
  return { request, lines }
}

test('the app serves from a context of web globals alone', async () => {
  const { request, lines } = await startBareApp()

  const health = await request('/health')
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }])
  expect((await request('/ready')).status).toBe(200)
  expect(await (await request('/robots.txt')).text()).toContain('Disallow: /')
  const list = await request('/api/list')
  expect([list.status, list.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8'])
  expect(await list.text()).toContain('/api/login')

  expect((await request('/api/nothing')).status).toBe(404)
  const notAllowed = await request('/api/me', { method: 'PUT' })
  expect([notAllowed.status, notAllowed.headers.get('allow')]).toEqual([
    405,
    'GET, PATCH, DELETE, HEAD, OPTIONS',
  ])
  const login = await request('/api/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://app.example.com' },
    body: '{"email": 1}',
  })
  expect([login.status, login.headers.get('access-control-allow-origin')]).toEqual([
    400,
    'https://app.example.com',
  ])
  expect(lines.filter((line) => line.fields?.error)).toEqual([])
})

test('the list of common passwords needs no file', async () => {
  const { run } = await evaluate(
    `import { isCommonPassword } from './kit/auth/common-passwords.ts'; globalThis.run = isCommonPassword`,
  )
  const isCommon = run as (password: string) => Promise<boolean>
  expect([await isCommon('password1'), await isCommon('wise old panda')]).toEqual([true, false])
})

/** Each fails when it is bundled, or evaluated, or when what it sets is called. */
test.each([
  ['Buffer', `globalThis.run = () => Buffer.from('a').toString('hex')`, 'Buffer is not defined'],
  ['process', `globalThis.run = () => process.pid`, 'process is not defined'],
  ['the environment', `globalThis.run = () => process.env.NODE_ENV`, 'process is not defined'],
  ['Bun', `globalThis.run = () => Bun.version`, 'Bun is not defined'],
  [
    'a module of Node',
    `import { Buffer } from 'node:buffer'; globalThis.run = Buffer`,
    'imports node:buffer',
  ],
  ['the same without its prefix', `import { join } from 'path'; globalThis.run = join`, 'imports path'],
  ['a module of Bun', `import { sleep } from 'bun'; globalThis.run = sleep`, 'imports bun'],
  ['a driver', `import postgres from 'postgres'; globalThis.run = postgres`, 'imports net'],
  ['a timer at the top of a module', `setInterval(() => {}, 1000)`, 'setInterval is not defined'],
  ['a request at the top of a module', `void fetch('http://bare.invalid')`, 'fetch is not defined'],
])('%s would be found', async (_, text, message) => {
  const run = async () => ((await evaluate(text)).run as () => unknown)()
  expect(await run().then(String, Bun.inspect)).toContain(message)
})
