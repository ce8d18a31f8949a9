// The package that `npm run client` writes: a front-end that has it and hono, and nothing of this repository, is typed.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyCheckout } from '../kit/support/checkout.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const ROOT = join(import.meta.dir, '../..')
const TIMEOUT_MS = 400_000

/** Outside of the repository, so that no folder above it has packages of ours. */
let project: string
let app: TestApp
beforeAll(async () => {
  app = await startApp()
  project = realpathSync(mkdtempSync(join(tmpdir(), 'restbun-front-end-')))
  const modules = join(project, 'node_modules')
  mkdirSync(modules)
  cpSync(join(ROOT, 'node_modules/hono'), join(modules, 'hono'), { recursive: true })
  for (const target of [join(modules, 'restbun-client'), join(project, 'api.ts')]) {
    const written = await run(ROOT, [process.execPath, 'scripts/client.ts', target])
    if (written.code !== 0) throw new Error(written.text)
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      // A browser's project: strict, the libraries checked, no types of any runtime.
      compilerOptions: {
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        target: 'es2022',
        module: 'esnext',
        moduleResolution: 'bundler',
        lib: ['es2022', 'dom', 'dom.iterable'],
        allowImportingTsExtensions: true,
        types: [],
      },
      include: ['*.ts'],
    }),
  )
}, TIMEOUT_MS)
afterAll(async () => {
  rmSync(project, { recursive: true, force: true })
  await app.close()
})

async function run(cwd: string, command: string[]) {
  const env = { ...process.env, API: app.url }
  const child = Bun.spawn(command, { cwd, env, stdout: 'pipe', stderr: 'pipe' })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { text: out + err, code }
}

const compile = (source: string) => {
  writeFileSync(join(project, 'main.ts'), source)
  return run(project, [join(ROOT, 'node_modules/.bin/tsc'), '-p', '.'])
}

const MAIN = `import { createClient, errorOf, itemsOf, ListFailure, type AppType, type ErrorCode } from 'restbun-client'
import { hc, type InferResponseType } from 'hono/client'

export async function main(url: string, email: string) {
  const { api } = createClient(url, { retry: { attempts: 2, withinMs: 1000 } })
  const made = await api.signup.$post({
    json: { email, password: '123abC', fname: 'Front', lname: 'End' },
  })
  const user = await made.json()
  const role: 'disabled' | 'readonly' | 'editor' | 'admin' | 'superuser' = user.role
  type Me = InferResponseType<(typeof api)['me']['$get']>
  const cookie = made.headers.get('set-cookie')?.split(';')[0] ?? ''
  const me: Me = await (await hc<AppType>(url, { headers: { cookie } }).api.me.$get()).json()
  return role + ' ' + me.me.fullname
}

export async function names(url: string, headers: Record<string, string>): Promise<string> {
  const { api } = createClient(url, { headers })
  const all: string[] = []
  try {
    for await (const session of itemsOf(api.me.sessions.$get, { query: {} })) all.push(session.id)
    return String(all.length)
  } catch (failure) {
    return failure instanceof ListFailure ? String((await errorOf(failure.response))?.code) : String(failure)
  }
}

export async function whyNot(url: string, email: string): Promise<string> {
  const { api } = createClient(url)
  const none = await errorOf(await api.login.$post({ json: { email, password: '123abC' } }))
  const error = await errorOf(await api.login.$post({ json: { email, password: 'x' } }))
  const code: ErrorCode | undefined = error?.code
  switch (code) {
    case undefined:
      return 'it is no error'
    case 'invalid_credentials':
      return [none, code, error?.err, error?.issues?.length].join(' ')
    default:
      return 'another: ' + code
  }
}
`

test(
  'a front-end compiles with it, under strict rules and without types of Bun',
  async () => {
    expect(await compile(MAIN)).toEqual({ text: '', code: 0 })
    expect(readFileSync(join(project, 'node_modules/restbun-client/index.d.ts'), 'utf8')).not.toMatch(
      /drizzle|zod|import\("\.|\bany\b/,
    )
  },
  TIMEOUT_MS,
)

test(
  'each call that the API list shows of an endpoint compiles',
  async () => {
    const page = await (await fetch(`${app.url}/api/list`)).text()
    const [open = ''] = page.split('<details class="fold">')
    const calls = [...open.matchAll(/<pre class="client">(.*?)<\/pre>/gs)]
      .map(([, text = '']) =>
        text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&'),
      )
      .filter((call) => !call.includes('api.probe')) // of the tests
    expect(calls.length).toBeGreaterThan(50)
    const functions = calls.map((call) => `export const _ = async () => {\n${call}\n}`)
    const source = functions.map((text, i) => text.replace('_', `call${i}`)).join('\n')
    const begin = `import { createClient } from 'restbun-client'\ndeclare const file: File\nconst { api } = createClient('')\n`
    expect(await compile(begin + source)).toEqual({ text: '', code: 0 })
  },
  TIMEOUT_MS,
)

test(
  'a wrong argument, path or answer does not compile',
  async () => {
    const { text, code } = await compile(`import { createClient, errorOf } from 'restbun-client'
const { api } = createClient('http://localhost')
await api.signup.$post({ json: { email: 'front@example.com' } })
await api.nowhere.$get()
const { me } = await (await api.me.$get()).json()
me.password
await api.users.$get({ query: { page: 5 } })
const error = await errorOf(await api.me.$get())
if (error?.code === 'no_such_code') error.err
switch (error?.code) {
  case 'login_requird':
}
error?.code satisfies 'login_required' | 'timeout' | undefined
`)
    expect(code).not.toBe(0)
    expect([...text.matchAll(/main\.ts\((\d+)/g)].map(([place]) => place)).toEqual(
      [3, 4, 6, 7, 9, 11, 13].map((line) => `main.ts(${line}`),
    )
  },
  TIMEOUT_MS,
)

/** The same front-end on the client as one file. */
const ON_FILE = MAIN.replace("'restbun-client'", "'./api.ts'")

test(
  'the client as one file compiles too, with retries, lists and what modules bring',
  async () => {
    const parts = `export { retryingFetch } from './api.ts'\n`
    expect(await compile(ON_FILE + parts)).toEqual({ text: '', code: 0 })
  },
  TIMEOUT_MS,
)

test.each([
  ['Bun', process.execPath, MAIN],
  ['Node', 'node', MAIN],
  ['Bun from one file', process.execPath, ON_FILE],
])(
  'and it works on %s',
  async (runtime, program, source) => {
    const script = new Bun.Transpiler({ loader: 'ts' }).transformSync(source)
    const email = `front-${runtime.replaceAll(' ', '-')}@example.com`
    writeFileSync(
      join(project, 'run.mjs'),
      `${script}
console.log(await main(process.env.API, '${email}'))
console.log(await names(process.env.API, {}))
console.log(await whyNot(process.env.API, '${email}'))`,
    )
    const said = 'editor Front End\nlogin_required\n invalid_credentials 400: Invalid login credentials \n'
    expect(await run(project, [program, 'run.mjs'])).toEqual({ text: said, code: 0 })
  },
  TIMEOUT_MS,
)

/** The app of a checkout with one more route. @param imported a name that it takes from the product */
async function writeWith(route: string, imported = 'done') {
  const checkout = copyCheckout()
  try {
    const file = join(checkout.root, 'src/account/routes.ts')
    const slice = checkout.read('src/account/routes.ts')
    const names = [...new Set(['done', imported])].join(', ')
    writeFileSync(
      file,
      slice.replace('import { done,', `import { ${names},`).replace('  .createApp()\n', `$&\n  ${route}\n`),
    )
    const { code, said } = await checkout.run('client', ['written'])
    const written = (file: string) => (code === 0 ? checkout.read(`written/${file}`) : '')
    return { code, said, types: written('index.d.ts'), script: written('index.js') }
  } finally {
    checkout.remove()
  }
}

test(
  'a route that answers bytes is written without a type of its body',
  async () => {
    const { code, said, types } = await writeWith(`.get('/raw', (c) => c.body(new Uint8Array(3)))`)
    expect([code, said]).toEqual([0, expect.stringContaining('Wrote')])
    expect(types).toMatch(/"\/api\/raw": \{\s*\$get: \{\s*input: \{\};\s*output: \{\};/)
  },
  TIMEOUT_MS,
)

test(
  'it knows the routes that are done once for one Idempotency-Key',
  async () => {
    const route = `.post('/raw/:id', requireRole('editor'), idempotent(), (c) => c.body(null, 204))`
    const { said, script } = await writeWith(route, 'idempotent')
    expect(said).toContain('Wrote')
    expect(script).toContain('const IDEMPOTENT_ROUTES = [\n  "POST /api/raw/:id"\n];\n')
  },
  TIMEOUT_MS,
)

test(
  'what does not compile is told in the words of the compiler, without a stack',
  async () => {
    const { code, said } = await writeWith(`.get('/raw', (c) => c.json({ year: 'x' as number }))`)
    expect(code).toBe(1)
    expect(said).toMatch(
      /^the app does not compile.*\nsrc\/account\/routes.ts\(\d+,\d+\): error TS2352: .*\n$/,
    )
  },
  TIMEOUT_MS,
)
