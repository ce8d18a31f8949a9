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

test('generate compares the tables with the migrations', async () => {
  const { code, out } = await run('generate', '--name', 'nothing_new')
  expect([code, out]).toEqual([0, expect.stringContaining('nothing that drizzle/ lacks')])
})

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
})

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
})

/** How each of the kit's is called, and its file. `test` passes its arguments on to a tool. */
const COMMANDS = Object.entries(scripts).flatMap(([name, line]) => {
  const file = /run\.mjs (?!own\/)([\w./-]+)$/.exec(line)?.[1]
  const called = name === 'start' ? 'npm start' : `npm run ${name}`
  return file === undefined || file === 'test' ? [] : [{ called, file }]
})

test.each(COMMANDS)(
  '$called says in one line what it does not know, and how to see its usage',
  async ({ called, file }) => {
    const { code, out, err } = await run(file, '--hepl', '--json')
    const help = `${called} -- --help`
    expect([code, out, err]).toEqual([
      2,
      '',
      `There is no option --hepl: did you mean --help?\nHow it is called: ${help}\n`,
    ])
    const asked = await run(file, '--help')
    expect([asked.code, asked.err, asked.out.startsWith(`Usage: ${called}`)]).toEqual([0, '', true])
  },
)

test.each(['start', 'dev', 'migrate', 'reload', 'check', 'console', 'settings', 'status', 'routes'])(
  '%s passes over no argument',
  async (name) => {
    const { code, out, err } = await run(name, 'extra')
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(/^Unexpected argument "extra"\nHow it /)])
  },
)

test.each([
  [['user', 'craete', 'a@example.com'], 'There is no command "craete": did you mean create?'],
  [['user', 'dance'], 'There is no command "dance": there are create, '],
  [['user', 'create', 'a@example.com', '-role', 'admin'], 'There is no option -role: did you mean --role?'],
  [['user', 'create', 'a@example.com', '--role'], '--role takes a value: --role=<value>'],
  [['user', 'create', 'a@example.com', '--role', '--json'], '--role takes a value: --role=<value>'],
  [['user', 'list', '--json=yes'], '--json takes no value'],
  [['jobs', 'stast'], 'There is no command "stast": did you mean stats?'],
  [['jobs', 'list', 'daed'], 'There is no place "daed": did you mean dead?'],
  [['secrets', 'rotat'], 'There is no command "rotat": did you mean rotate?'],
  [['audit', 'verfiy'], 'There is no command "verfiy": did you mean verify?'],
  [['deploy', 'stauts', 'a@example.com'], 'There is no command "stauts": did you mean status?'],
  [['new', 'book', 'title:strin'], '"title:strin": there is no type "strin": did you mean string?'],
  [['new', 'book', 'title:string', '--plurl', 'x'], 'There is no option --plurl: did you mean --plural?'],
])('%p is told: %s', async ([name = '', ...args], told) => {
  const { code, out, err } = await run(name, ...args)
  const [first, second] = err.split('\n')
  expect([code, out, first, second]).toEqual([
    2,
    '',
    expect.stringContaining(told),
    `How it is called: npm run ${name} -- --help`,
  ])
})

test.each(['new', 'user', 'secrets', 'rename', 'release', 'deploy'])(
  '%s asked with nothing shows its usage',
  async (name) => {
    const { code, out, err } = await run(name)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(new RegExp(`^.+\\n\\nUsage: npm run ${name} `))
  },
)

test('a command that does not reach what it needs says by which setting that is named', async () => {
  const { code, err } = await runIn({ DATABASE_URL: 'postgres://127.0.0.1:1/none' }, 'seed')
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/^Postgres at \S+:1 does not answer \(DATABASE_URL\)/),
  ])
})

const run = (name: string, ...args: string[]) => runIn({}, name, ...args)

async function runIn(env: Record<string, string>, name: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(FOLDER, `${name}.ts`), ...args], {
    env: { ...process.env, ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, err }
}
