// The lines that `npm run new` ends with: pasted as they are beside a server that runs, each of them works.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { purposesOf } from '../../../scripts/new/purposes.ts'
import { type Checkout, copyCheckout } from '../support/checkout.ts'
import { createDatabase, deletePrefix, serverEnv, uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

const ROOT = join(import.meta.dir, '../../..')

// Names that no fork will have taken.
const HARP = ['harp', 'title:string:index', 'code:int:unique', 'lent:bool?']
const KAZOO = ['kazoo', 'tone:enum(high|low)', 'note:text', '--shared', '--public-read']
const LUTE = ['lute', 'made:date:unique', '--shared', '--role', 'admin']
const PICK = [
  'pick',
  'lute:ref(lute)',
  'player:account(cascade)',
  'price:decimal(10,2):index',
  'tags:string[]',
]
const STRING = ['lute-string', 'tuned:timestamp:index', '--under', 'lute']
/** Of what files are for here, something that goes with its row; a project may have none. */
const [purpose] = Object.entries(purposesOf(ROOT)).find(([, { isAttached }]) => isAttached) ?? []
const DRUM = ['drum', 'name:string', ...(purpose === undefined ? [] : [`photo:file(${purpose})`])]
const VIOL = ['viol', 'name:string:unique', '--shared', '--bulk', '--soft-delete']

let checkout: Checkout
let database: Awaited<ReturnType<typeof createDatabase>>
let env: Record<string, string>
const prefix = uniquePrefix()
const lines = new Map<string[], string>()
let stop = async () => {}

beforeAll(async () => {
  checkout = copyCheckout()
  database = await createDatabase()
  env = { ...serverEnv(database.url, prefix), HOST: '127.0.0.1', PORT: String(await freePort()) }
  for (const resource of [HARP, KAZOO, LUTE, PICK, STRING, DRUM, VIOL]) {
    const { code, out, said } = await checkout.run('new', resource, env)
    expect([code, said]).toEqual([0, said])
    lines.set(resource, out.slice(out.search(/^api=/m)))
  }
  expect(await checkout.run('migrate', [], env)).toMatchObject({ code: 0 })
  const server = Bun.spawn([process.execPath, 'src/server.ts'], { cwd: checkout.root, env, stdout: 'ignore' })
  stop = async () => {
    server.kill('SIGTERM')
    await server.exited
  }
  await until('the server to answer', () =>
    fetch(`http://127.0.0.1:${env.PORT}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
})
afterAll(async () => {
  await stop()
  await deletePrefix(prefix)
  await database.drop()
  checkout.remove()
})

/** What the lines print, in a shell that ends at the first one that fails. */
async function paste(text: string) {
  const child = Bun.spawn(['sh', '-e'], {
    cwd: checkout.root,
    env: { ...env, PATH: process.env.PATH, TMPDIR: checkout.root }, // where the lines make their jar
    stdin: new Blob([text]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

const withCurl = test.skipIf(!Bun.which('curl'))

withCurl.each([
  [HARP, 5, /\/harps\?title=/],
  [KAZOO, 5, /body "\$api\/kazoos\?search=/], // a visitor's, without the cookie
  [LUTE, 5, /--role admin/],
  [PICK, 7, /"lute":"'\$a_lute'","player":"'\$my_id'"/],
  purpose === undefined
    ? [DRUM, 5, /\/drums/]
    : [DRUM, 6, new RegExp(`small-files -F purpose=${purpose} .*"photo":"'\\$a_${purpose}'"`, 's')],
  [STRING, 6, /\$api\/lutes\/\$parent\/lute-strings\?tuned=/],
])('of %p sign up, create, list, change and delete', async (resource, count, has) => {
  const text = lines.get(resource) ?? ''
  expect(text).toMatch(has)
  expect(
    text
      .trim()
      .split('\n')
      .filter((line) => line.includes('curl ')),
  ).toHaveLength(count)
  for (let times = 1; times <= 2; times++) {
    const { out, err, code } = await paste(text)
    expect([code, err, out]).toEqual([0, '', out])
    const told = out.split('\n').filter((line) => /^[[{]/.test(line))
    const [row, list, changed, deleted] = told.slice(-4).map((line) => JSON.parse(line))
    expect(list).toContainEqual(row)
    if (resource !== LUTE) expect(list).toHaveLength(1) // other lines leave lutes behind
    expect([changed.id, deleted]).toEqual([row.id, changed])
    expect(changed).not.toEqual(row)
  }
})

withCurl('of many at once, and what can be restored, delete, restore and delete by a list', async () => {
  for (let times = 1; times <= 2; times++) {
    const { out, err, code } = await paste(lines.get(VIOL) ?? '')
    expect([code, err, out]).toEqual([0, '', out])
    const told = out.split('\n').filter((line) => /^[[{]/.test(line))
    const [changed, deleted, restored, batch] = told.slice(-4).map((line) => JSON.parse(line))
    expect(deleted).toMatchObject({ id: changed.id, deleted: expect.any(String) })
    expect(restored).toEqual({ ...changed, version: 4 })
    expect(batch.deleted).toEqual([{ ...restored, version: 5, deleted: expect.any(String) }])
  }
})
