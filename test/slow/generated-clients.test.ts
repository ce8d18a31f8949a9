// Clients that openapi-typescript and orval generate from the OpenAPI document compile under strict rules, and call the API.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp, type TestApp } from '../support/harness.ts'

/** Their own, so that the kit carries none of them. */
const PACKAGES = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'orval@7.13.2', 'typescript@5.9.3']

/** Outside of the repository, so that no folder above it has packages of ours. */
let project: string
let app: TestApp
beforeAll(async () => {
  app = await startApp()
  project = realpathSync(mkdtempSync(join(tmpdir(), 'generated-clients-')))
  write('package.json', '{ "type": "module", "private": true }')
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom', 'dom.iterable'],
    types: [],
  }
  write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  write('openapi.json', await (await fetch(`${app.url}/api/openapi.json`)).text())
  const install = ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  await run(...install, ...PACKAGES)
})
afterAll(async () => {
  rmSync(project, { recursive: true, force: true })
  await app.close()
})

const write = (file: string, text: string) => writeFileSync(join(project, file), text)
const tool = (name: string) => join(project, 'node_modules/.bin', name)

/** @returns what it said on stdout @throws with all that it said if it fails */
async function run(...command: string[]): Promise<string> {
  const env = { ...process.env, API: app.url }
  const child = Bun.spawn(command, { cwd: project, env, stdout: 'pipe', stderr: 'pipe' })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')}\n${out}${err}`)
  return out
}

const ACCOUNT = { password: '123abC', fname: 'Front', lname: 'End' }

test('openapi-typescript: paths, bodies and answers are typed, and the calls work', async () => {
  await run(tool('openapi-typescript'), 'openapi.json', '-o', 'schema.ts')
  write(
    'paths.ts',
    `import createClient from 'openapi-fetch'
import type { paths } from './schema'
declare const process: { env: { API: string } }
const api = createClient<paths>({ baseUrl: process.env.API })
const made = await api.POST('/api/signup', { body: ${JSON.stringify({ ...ACCOUNT, email: 'paths@example.com' })} })
const role: string | undefined = made.data?.role
const refused = await api.GET('/api/users', { params: { query: { size: 5 } } })
const code: string | undefined = refused.error?.code
// @ts-expect-error there is no such path
await api.GET('/api/nowhere')
console.log(role, refused.response.status, code)
`,
  )
  await run(tool('tsc'), '-p', '.')
  expect(await run(process.execPath, 'paths.ts')).toBe('editor 401 login_required\n')
})

test('orval: a function for each operation, and the calls work', async () => {
  const output = { target: 'orval.ts', client: 'fetch', baseUrl: app.url }
  write('orval.config.mjs', `export default ${JSON.stringify({ api: { input: 'openapi.json', output } })}`)
  await run(tool('orval'))
  write(
    'functions.ts',
    `import { getUsers, postSignup } from './orval'
const made = await postSignup(${JSON.stringify({ ...ACCOUNT, email: 'orval@example.com' })})
const refused = await getUsers({ size: 5 })
if (made.status !== 201) throw new Error(String(made.status))
console.log(made.data.role, refused.status)
`,
  )
  await run(tool('tsc'), '-p', '.')
  expect(await run(process.execPath, 'functions.ts')).toBe('editor 401\n')
})
