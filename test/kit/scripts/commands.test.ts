// Commands: what one says of how it is called is so.
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, test } from 'bun:test'
import { scripts } from '../../../package.json'
import { copyCheckout } from '../support/checkout.ts'

const FOLDER = join(import.meta.dir, '../../../scripts')
const FILES = [...new Bun.Glob('*.{ts,mjs}').scanSync(FOLDER)].toSorted()

test('every command that is told of in a usage is in package.json', () => {
  const told = FILES.flatMap((file) =>
    [...readFileSync(join(FOLDER, file), 'utf8').matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map(
      ([, name]) => name,
    ),
  )
  expect(told).toContain('doctor')
  expect(told.filter((name) => name !== undefined && !Object.hasOwn(scripts, name))).toEqual([])
})

test('every command in package.json has its file', () => {
  const run = Object.values(scripts).flatMap((line) => /run\.mjs ([\w./-]+)/.exec(line)?.[1] ?? [])
  expect(run).toContain('start')
  expect(run.filter((name) => !existsSync(join(FOLDER, `${name}.ts`)))).toEqual([])
})

test('a command that has a file of its name runs that file', () => {
  const others = Object.entries(scripts).filter(
    ([name, line]) => existsSync(join(FOLDER, `${name}.ts`)) && line !== `exec node scripts/run.mjs ${name}`,
  )
  expect(others).toEqual([])
})

test('generate has drizzle-kit compare the tables with the migrations, and passes its arguments on', async () => {
  const { code, out } = await run('generate', '--name', 'nothing_new')
  expect([code, out]).toEqual([0, expect.stringContaining('No schema changes')])
  expect((await run('generate', '--no-such-option')).code).not.toBe(0)
}, 30_000)

const clone = (options: string[], from: string, to: string) =>
  Bun.spawnSync(['git', ...options, 'clone', '--quiet', from, to]).exitCode

test('a clone on a machine that writes CRLF has scripts that a shell reads', () => {
  const checkout = copyCheckout()
  const folder = `${checkout.root}-clone`
  try {
    expect(clone(['-c', 'core.autocrlf=true'], checkout.root, folder)).toBe(0)
    const files = [...new Bun.Glob('**/*.{sh,ts,sql}').scanSync(folder), '.ci/run', 'test/quick.sh']
    const broken = files.filter((file) => readFileSync(join(folder, file), 'utf8').includes('\r\n'))
    expect([files.length > 100, broken]).toEqual([true, []])
  } finally {
    checkout.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}, 30_000)

test('a command runs in a workspace, whose packages lie above it', async () => {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'workspace-')))
  const member = join(workspace, 'packages/api')
  try {
    cpSync(join(FOLDER, '..'), member, {
      recursive: true,
      filter: (path) => !['node_modules', '.git', '.data', '.env'].includes(basename(path)),
    })
    symlinkSync(join(FOLDER, '../node_modules'), join(workspace, 'node_modules'))
    const child = Bun.spawn([Bun.which('node') ?? process.execPath, 'scripts/run.mjs', 'routes', '--json'], {
      cwd: member,
      env: { NODE_ENV: 'development', PATH: '/usr/bin:/bin' }, // no other Bun
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('/api/me')
  } finally {
    rmSync(workspace, { recursive: true })
  }
}, 60_000)

test.each(['start', 'dev', 'migrate', 'reload', 'check', 'console'])(
  '%s passes over no argument',
  async (name) => {
    const { code, out, err } = await run(name, 'extra')
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(new RegExp(`^Unexpected argument "extra"\\n\\nUsage: npm (run )?${name} `))
  },
)

test.each(['user', 'migrate', 'jobs', 'deploy'])(
  '%s --help says how it is called, and does nothing',
  async (name) => {
    const { code, out, err } = await run(name, '--help')
    expect([code, err]).toEqual([0, ''])
    expect(out).toStartWith(`Usage: npm run ${name} `)
  },
)

async function run(name: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(FOLDER, `${name}.ts`), ...args], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, err }
}
