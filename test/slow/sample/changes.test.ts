// A fork's ordinary changes, one by one in a clone: no test of the kit knows, and few of your own have to follow.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloneCheckout, type Checkout } from '../../kit/support/checkout.ts'
import { SLOW_MS } from '../green.ts'

let checkout: Checkout
beforeEach(() => {
  checkout = cloneCheckout()
}, SLOW_MS)
afterEach(() => checkout.remove(), SLOW_MS)

/** Replaces each text by the one behind it, wherever it stands in the file; it must stand there. */
function edit(path: string, ...replacements: [before: string, after: string][]): void {
  const file = join(checkout.root, path)
  let text = readFileSync(file, 'utf8')
  for (const [before, after] of replacements) {
    expect([path, text.includes(before) ? before : text]).toEqual([path, before])
    text = text.replaceAll(before, after)
  }
  writeFileSync(file, text)
}

async function generate(name: string): Promise<void> {
  const { code, said } = await checkout.run('generate', ['--name', name])
  expect({ code, said }).toMatchObject({ code: 0 })
}

const CHANGES: Record<string, () => Promise<void> | void> = {
  async 'a column on users'() {
    edit('src/account/table.ts', ['    company: text(),\n', '    company: text(),\n    nickname: text(),\n'])
    await generate('nickname')
  },
  async 'a role between two others'() {
    edit('src/account/roles.ts', ["'readonly', 'editor'", "'readonly', 'reviewer', 'editor'"])
    await generate('reviewer')
  },
  async 'a field at signup'() {
    edit('src/account/table.ts', ['    company: text(),\n', '    company: text(),\n    phone: text(),\n'])
    edit('src/account/schema.ts', [
      '  lname: name,\n',
      '  lname: name,\n  phone: z.string().trim().max(30).nullish(),\n',
    ])
    // The page is told by the compiler.
    edit('src/account/pages/entry.tsx', [
      "    lname: { label: 'Last name', autocomplete: 'family-name' },\n",
      "    lname: { label: 'Last name', autocomplete: 'family-name' },\n    phone: { label: 'Phone', autocomplete: 'tel' },\n",
    ])
    await generate('phone')
  },
  async 'another default role'() {
    edit('src/config.ts', ["'editor').default('editor')", "'editor').default('readonly')"])
    expect(await checkout.run('settings')).toMatchObject({ code: 0 })
    // Who has just signed up can add no movie any more.
    edit('test/quick.sh', [
      `call "$url/api/movies/" --data '{"title":"Heat","director":"Michael Mann"}'\n`,
      '',
    ])
  },
  async 'a setting of its own'() {
    edit('src/config.ts', [
      '    // One line for each setting of yours',
      `    signupOpen: setting('SIGNUP_OPEN', flag().default(true), { about: 'Whether anybody may sign up' }),
    // One line for each setting of yours`,
    ])
    expect(await checkout.run('settings')).toMatchObject({ code: 0 })
    expect(checkout.changes()).not.toContain('src/kit')
  },
  'an error text of its own'() {
    const text = ['Invalid login credentials', 'Those do not fit'] as [string, string]
    edit('src/account/errors.ts', text)
    edit('test/accounts.test.ts', text)
    edit('test/account-pages.test.ts', text)
  },
  // The last: the other ones name it.
  'a renamed sample'() {
    // Its folder and its path; what a table is called in Postgres is another matter.
    for (const path of checkout.git('grep', '-lE', '/movies', '--', 'src', 'test', 'scripts').split('\n')) {
      if (!/^(src|test|scripts)\/(?!kit|slow|remove).*\.(ts|tsx|sh)$/.test(path)) continue
      const file = join(checkout.root, path)
      const text = readFileSync(file, 'utf8')
      writeFileSync(file, text.replaceAll(/(\/api|\.|src)\/movies\b/g, '$1/films'))
    }
    renameSync(join(checkout.root, 'src/movies'), join(checkout.root, 'src/films'))
  },
}

/** @param leftOut tests that are not run */
async function expectGreen(...leftOut: string[]): Promise<void> {
  const check = await checkout.run('check')
  expect(check.code === 0 ? '' : check.said).toBe('')
  const tests = await checkout.run(
    'test',
    leftOut.map((pattern) => `--path-ignore-patterns=${pattern}`),
  )
  expect(tests.code === 0 ? '' : tests.said).toBe('')
}

test.each(Object.keys(CHANGES))(
  '%s',
  async (name) => {
    await CHANGES[name]?.()
    await expectGreen('test/kit/**')
  },
  SLOW_MS,
)

test(
  'all of them together, and every test of the kit',
  async () => {
    for (const change of Object.values(CHANGES)) await change()
    await expectGreen()
  },
  SLOW_MS,
)
