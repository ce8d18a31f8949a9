// The app is the same everywhere: the contract tests, word for word, on Bun, Node and workerd, and behind each proxy.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { caddy, nginx } from '../kit/support/proxies.ts'
import { SLOW_MS } from './green.ts'

const ROOT = join(import.meta.dir, '../..')
const EDGE = join(import.meta.dir, 'edge')

const SLICES = readdirSync(join(ROOT, 'src'))
const CONTRACT = [
  'accounts',
  ...SLICES,
  'client',
  ...['contract', 'sessions', 'bad-input', 'origins'].map((name) => `kit/http/${name}`),
]

/** Tests that do not apply, by name, and why. */
const INSIDE = {
  'an unknown email costs a hash like a known one': 'looks into the process of the test',
  'there is no place to renew its hash': 'likewise',
  'the log line of a disabled account at the login': 'likewise',
  'while it was not yet full when a signup began': 'likewise',
  'a login by the password alone that began before the app was there': 'likewise',
  'that gets its factor at that moment is not opened without it': 'likewise',
}
const LENGTHS = { 'answers like GET, its length too': "a HEAD's length is the doing of our own listener" }
const BY_THE_PROXY = {
  ...INSIDE,
  'an odd Host changes no path': 'the proxy refuses it with 400',
  'odd paths are not found': 'likewise',
  'answers 413 for a body past the limit': 'the proxy answers 413, in words of its own',
  'a body that is refused is not waited for': 'likewise',
  'behind a trusted proxy the host': 'forges a header that the proxy overwrites',
  'a foreign page cannot act for a logged-in user': 'likewise: the proxy says that this was http',
  'is one at a time of each file': 'each of the two processes behind it takes one',
}
const NOT_ON: Record<string, Record<string, string>> = {
  bun: {},
  node: { ...INSIDE, ...LENGTHS, 'an odd Host changes no path': 'the listener refuses it with 400' },
  workerd: {
    ...INSIDE,
    ...LENGTHS,
    'HTTP/1.0 without a Host changes no path': 'the listener refuses it with 400',
    'behind a trusted proxy the host': 'only Cloudflare tells an address, in CF-Connecting-IP',
    'a critical operation wants': 'likewise',
    'the log names the origin that was refused': 'there is no file to log to',
    'by asking: the answer and the statements are the same': 'likewise',
    'the code is in no log': 'likewise',
  },
  'behind-nginx': {
    ...BY_THE_PROXY,
    'an id that is none is not found: %00': 'the proxy refuses it with 400',
  },
  'behind-caddy': {
    ...BY_THE_PROXY,
    'a form that is refused leaves': 'a body that is refused half-way is a fault to it: 502',
  },
}
/** Slices whose tests do not apply at all, and why. */
const SLICES_NOT_ON: Record<string, Record<string, string>> = {
  workerd: { files: 'there is no folder to keep them in' },
}
const isMissing = (runtime: string) =>
  (runtime === 'behind-nginx' && !nginx) || (runtime === 'behind-caddy' && !caddy)
for (const runtime of Object.keys(NOT_ON).filter(isMissing)) {
  process.stderr.write(`SKIPPED: the contract ${runtime}, because that proxy is not installed\n`)
}

beforeAll(async () => {
  if (existsSync(join(EDGE, 'node_modules/.package-lock.json'))) return
  await run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], EDGE)
}, SLOW_MS)
afterAll(() => rmSync(join(EDGE, 'node_modules/.built'), { recursive: true, force: true }))

test.each(Object.keys(NOT_ON).filter((runtime) => !isMissing(runtime)))(
  'the contract holds: %s',
  async (runtime) => {
    const skipped = Object.keys(NOT_ON[runtime] ?? {})
    const contract = CONTRACT.filter((name) => !Object.hasOwn(SLICES_NOT_ON[runtime] ?? {}, name))
    const output = await run(
      [
        process.execPath,
        'test',
        '--timeout=600000',
        ...contract.map((name) => `test/${name}.test.ts`).filter((path) => existsSync(join(ROOT, path))),
        ...(skipped.length > 0 ? ['--test-name-pattern', `^(?!.*(${skipped.join('|')}))`] : []),
      ],
      ROOT,
      runtime === 'bun' ? {} : { TEST_SERVED_BY: join(EDGE, `${runtime}.ts`) },
    )
    const passed = Number(/^ *(\d+) pass$/m.exec(output)?.[1])
    expect(passed).toBeGreaterThan(150)
    process.stdout.write(`${runtime}: ${passed} passed, ${skipped.length} that do not apply there\n`)
  },
  SLOW_MS,
)

test(
  'the entries have the types that the app asks for',
  () => run([join(ROOT, 'node_modules/.bin/tsc'), '-p', EDGE], ROOT),
  SLOW_MS,
)

/** @returns what it said @throws with that, if it failed */
async function run(command: string[], cwd: string, env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn(command, {
    cwd,
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${out}${err}`)
  return out + err
}
