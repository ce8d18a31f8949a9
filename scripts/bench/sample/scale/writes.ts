// What keys and ETags cost: a generated resource with and without them, by turns, in one run.
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeArguments } from '../../../command.ts'
import { median } from '../../quantile.ts'
import type { Running } from '../http/contestants.ts'
import { load, type Seen } from '../http/load.ts'
import { EMAIL, type Work } from '../http/work.ts'
import { addResource, fillResource } from './resource.ts'
import { type Checkout, checkouts, logIn, onStage, OTHER_EMAIL } from './stage.ts'

const { values } = takeArguments(
  'Usage: npm run bench:writes [-- --against <folder>] [--rounds <n>] [--seconds <n>]',
  {
    against: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '1' },
  },
)
const ROWS = 1000
const WARM_UP_S = 4
const PATH = '/api/bookings'

interface Case extends Work {
  /** At the server whose routes have no ETag. */
  isPlain?: true
  /** By whom: of an account the last thousand answers are kept. */
  email?: typeof EMAIL | typeof OTHER_EMAIL
}
const CREATE = {
  method: 'POST' as const,
  path: PATH,
  body: { title: 'Singles', starts: '2026-06-01T10:00:00Z', court: 7 },
  session: true,
}
const CREATES: Case[] = [
  { ...CREATE, name: 'create' },
  { ...CREATE, name: 'with a key', keys: 1e9 },
  { ...CREATE, name: 'replayed', keys: 500, email: EMAIL },
]

/** Of what is read without an ETag, with one, and of what the client has already. */
async function reads(name: string, path: string, { server, [OTHER_EMAIL]: Cookie }: Entered) {
  const reply = await fetch(server.url + path, { headers: { Cookie } })
  const read = { method: 'GET' as const, path, session: true }
  const cases: Case[] = [
    { ...read, name, isPlain: true },
    { ...read, name: 'with an ETag' },
    { ...read, name: '304', headers: { 'If-None-Match': reply.headers.get('etag') ?? '' } },
  ]
  return cases
}

/** The same routes without ETags. */
function withoutETags({ name, root }: Checkout, folder: string): Checkout {
  cpSync(root, folder, { recursive: true })
  const routes = join(folder, 'src/bookings/routes.ts')
  writeFileSync(routes, readFileSync(routes, 'utf8').replaceAll(/, etag: true|, \{ etag: true \}/g, ''))
  return { name, root: folder }
}

/** A server, and the sessions of two accounts there. */
const enter = async (server: Running) => ({
  server,
  [EMAIL]: await logIn(server),
  [OTHER_EMAIL]: await logIn(server, OTHER_EMAIL),
})
type Entered = Awaited<ReturnType<typeof enter>>

/** By turns, in rounds of alternating order. */
async function measure(cases: Case[], whole: Entered, plain: Entered, folder: string) {
  const seen = new Map<Case, Seen[]>(cases.map((each) => [each, []]))
  const turn = (each: Case, seconds: number) => {
    const at = each.isPlain ? plain : whole
    const credentials = { session: at[each.email ?? OTHER_EMAIL].replace('session=', ''), accessToken: '' }
    return load(at.server, each, { connections: 32, seconds, credentials, folder })
  }
  for (const each of cases) await turn(each, WARM_UP_S)
  for (let round = 0; round < Number(values.rounds); round++)
    for (const each of round % 2 === 0 ? cases : cases.toReversed())
      seen.get(each)?.push(await turn(each, Number(values.seconds)))
  return seen
}

/** CPU over that of the first in the same round. */
function print(checkout: string, seen: Map<Case, Seen[]>): void {
  const [first = []] = seen.values()
  for (const [{ name }, rounds] of seen) {
    const ratio = median(rounds.map(({ cpuMicros }, i) => cpuMicros / (first[i]?.cpuMicros ?? NaN)))
    const of = (key: keyof Seen) => median(rounds.map((each) => each[key]))
    const cells = [
      ratio.toFixed(2),
      of('cpuMicros').toFixed(0),
      of('p50Ms').toFixed(1),
      of('perSecond').toFixed(0),
    ]
    console.log(`| ${[checkout, name, ...cells].join(' | ')} |`)
  }
}

// As `npm run bench -- --against`: the servers on one core, load and services on the other.
spawnSync('taskset', ['-acp', '1', `${process.pid}`])
await onStage(async (stage) => {
  console.log('| checkout | work | CPU / first | CPU µs a request | p50 ms | requests/s |')
  console.log('| --- | --- | --: | --: | --: | --: |')
  for (const each of checkouts(values.against)) {
    const made = addResource(each, join(stage.folder, each.name))
    const database = await stage.database(made, ROWS)
    await fillResource(database, ROWS)
    const serve = async (checkout: Checkout) => enter(await stage.server(checkout, database, 1, 0))
    const whole = await serve(made)
    const plain = await serve(withoutETags(made, join(stage.folder, `${each.name}-plain`)))
    for (const cases of [
      CREATES,
      await reads('one', `${PATH}/2`, whole), // its own: it has every second
      await reads('list of 20', `${PATH}?limit=20`, whole),
    ])
      print(each.name, await measure(cases, whole, plain, stage.folder))
    await Promise.all([whole.server.stop(), plain.server.stop()])
  }
})
