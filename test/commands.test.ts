// Commands: what one says of how it is called is so.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { scripts } from '../package.json'

const FOLDER = join(import.meta.dir, '../scripts')
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
  const run = Object.values(scripts).flatMap((line) => /run\.mjs ([\w/-]+)/.exec(line)?.[1] ?? [])
  expect(run).toContain('start')
  expect(run.filter((name) => !existsSync(join(FOLDER, `${name}.ts`)))).toEqual([])
})

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
