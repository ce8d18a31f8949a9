// A club's booking service from nothing to green: courts that admins keep, bookings that belong to members, and the rule for
// trainers as the page on resources has it. It prints what each step took.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { type Checkout, cloneCheckout } from '../kit/support/checkout.ts'
import { Client } from '../kit/support/client.ts'
import { startService } from '../kit/support/supervised.ts'
import { SLOW_MS } from './green.ts'
import { say, step } from './step.ts'

const PAGE = 'scripts/new/README.md'
const TESTS = ['test/courts.test.ts', 'test/bookings.test.ts']
const PERSON = { password: '123abC', fname: 'Ann', lname: 'Lee' }

let club: Checkout
beforeAll(() => {
  club = cloneCheckout()
}, SLOW_MS)
afterAll(() => club.remove(), SLOW_MS)

test(
  'two commands, a rule from the page, and all is green',
  async () => {
    const began = performance.now()
    const [court = [], booking = []] = commandsOf(club.read(PAGE))
    await step('npm run new -- court', () => run('new', court))
    await step('npm run new -- booking', () => run('new', booking))
    await step('npm run check', () => run('check'))
    await step('the generated tests', () => run('test', TESTS))
    await step('the rule for trainers, from the page', () => applyExample(club.read(PAGE)))
    await step('npm run check', () => run('check'))
    await step('the tests again, and those of the rule', () =>
      run('test', [...TESTS, 'test/trainers.test.ts']),
    )
    say('from nothing to green, all in all', began)
    await step('two accounts at a server that runs', tryServer)
  },
  SLOW_MS,
)

/** A file that differs from what the page says is a page that is wrong. */
function applyExample(page: string): void {
  for (const patch of blocksOf(page, 'diff')) {
    const { success, stderr } = Bun.spawnSync(['git', 'apply', '--recount', '--unidiff-zero'], {
      cwd: club.root,
      stdin: new TextEncoder().encode(patch),
    })
    expect([success, stderr.toString()]).toEqual([true, ''])
  }
  const [own = ''] = blocksOf(page, 'ts').filter((block) => block.startsWith('// test/trainers.test.ts\n'))
  writeFileSync(join(club.root, 'test/trainers.test.ts'), own.replace(/^.*\n/, ''))
}

const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block)

/** The arguments of the club's two resources, as the page's reader types them. */
function commandsOf(page: string): string[][] {
  const lines = [...page.matchAll(/^npm run new -- ((?:court|booking) .*--(?:shared|under) .*)$/gm)]
  expect(lines).toHaveLength(2)
  return lines.map(([, line = '']) =>
    (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", '')),
  )
}

/** Ann's bookings as Bob finds them, where the server runs as in production: by HTTP, and in no test's harness. */
async function tryServer(): Promise<void> {
  const service = await startService({}, { folder: club.root, of: 'project', untilReady: false })
  const sql = postgres(service.databaseUrl, { max: 1 })
  try {
    await run('migrate', [], { DATABASE_URL: service.databaseUrl })
    await service.untilSteady()
    const [admin, ann, bob] = await Promise.all(
      ['admin', 'ann', 'bob'].map(async (name) => {
        const client = new Client(service.url)
        const signUp = await client.post('/api/signup', { ...PERSON, email: `${name}@example.com` })
        expect(signUp.status).toBe(201)
        return client
      }),
    )
    await sql`update users set role = 'admin' where email = 'admin@example.com'`
    await admin?.post('/api/login', { ...PERSON, email: 'admin@example.com' })
    const court = await admin?.post('/api/courts', { name: 'Centre Court' })
    expect(court?.status).toBe(201)
    const path = `/api/courts/${court?.body.id}/bookings`
    const booking = await ann?.post(path, { starts: '2026-12-24T09:00:00Z' })
    expect(booking?.status).toBe(201)
    const one = `${path}/${booking?.body.id}`

    const list = await bob?.get(`${path}?count=true`)
    expect([list?.status, list?.body, list?.headers.get('total-count')]).toEqual([200, [], '0'])
    const answers = [await bob?.get(one), await bob?.put(one, { note: 'mine' }), await bob?.delete(one)]
    expect(answers.map((reply) => reply?.status)).toEqual([404, 404, 404])
    expect((await new Client(service.url).get(path)).status).toBe(401)
    expect((await ann?.get(path))?.body).toEqual([booking?.body])
    expect((await admin?.get(path))?.body).toEqual([booking?.body])
  } finally {
    await sql.end()
    await service.close()
  }
}

async function run(command: string, args: string[] = [], env: Record<string, string> = {}): Promise<void> {
  const { code, said } = await club.run(command, args, env)
  expect({ command, args, code, said: code === 0 ? '' : said }).toEqual({ command, args, code: 0, said: '' })
}
