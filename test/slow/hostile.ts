// The hostile lane: generated requests, such as no client should send, against a running server. None makes a 5xx.
//   npm run test:hostile [-- --count 100000] [--seed 1] [--from 0]
import { join } from 'node:path'
import type { Deps } from '../../src/account/product.ts'
import { createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { describeRoutes } from '../../src/kit/http/doc.ts'
import { readArguments, runCommand, UsageError } from '../../scripts/command.ts'
import { createDatabase, deletePrefix, serverEnv, uniquePrefix } from '../kit/support/services.ts'
import { type Answer, createClient } from './hostile/exchange.ts'
import { hostileRequest, type HostileRequest, type Sources } from './hostile/requests.ts'
import { prepareTestRun } from '../../scripts/services/test-run.ts'

const USAGE = `Usage: npm run test:hostile [-- --count <n>] [--seed <n>] [--from <n>]
A request is made of the seed and its number: --seed 7 --from 4711 --count 1 sends that one again.
TEST_DATABASE_URL and TEST_REDIS_URL name servers to use; else a Postgres and a Redis start for the run.`

const CLIENTS = 32
/** Sessions end by generated logouts, so new ones are made from time to time. */
const RENEW_EACH = 1000
const SHOWN = 10
const ROLES = ['readonly', 'editor', 'superuser'] as const
const ACCOUNT = { password: '123abC', fname: 'Ann', lname: 'Lee' }

/** They empty the database, fill the memory or block the process, as they should. */
const LEFT_OUT = ['/apitest/dbtruncate', '/apitest/leak', '/apitest/block', '/apitest/sleep']
/** Of pages, and up to a megabyte. */
const ASSETS: unknown[] = ['text/javascript', 'text/css']

/** What is wrong with an answer, in words. */
function faultOf(
  { method, isCut, isBroken }: HostileRequest,
  { status, headers, body }: Answer,
): string | undefined {
  if (status === 0) return isCut || isBroken ? undefined : 'the connection was closed without an answer'
  if (headers.has('x-injected')) return 'a header was injected'
  if (isByBun(headers)) return isCut || isBroken || status < 500 ? undefined : `Bun itself answered ${status}`
  if (status === 503 && body.includes('Not ready: ')) return undefined // what /ready says of a busy machine
  if (status >= 500) return `answered ${status}: ${body.toString().slice(0, 200)}`
  if (headers.get('x-content-type-options') !== 'nosniff') return `answered ${status} without its headers`
  if (status < 400 || method === 'HEAD') return undefined
  const type = headers.get('content-type') ?? ''
  if (type.startsWith('text/html')) return undefined // a page
  return isError(status, body.toString(), headers.get('x-request-id'))
    ? undefined
    : `answered ${status} with ${type} ${body.toString().slice(0, 200)}`
}

/** What is no HTTP never reaches the app. */
const isByBun = (headers: Answer['headers']) => !headers.has('x-request-id')

function isError(status: number, text: string, requestId: string | undefined): boolean {
  try {
    const body = JSON.parse(text) as { err?: unknown; requestId?: unknown }
    return typeof body.err === 'string' && body.err.startsWith(`${status}: `) && body.requestId === requestId
  } catch {
    return false
  }
}

/** A server process on a database and keys of its own. What it logs as an error is kept. */
async function startServer() {
  const database = await createDatabase()
  const prefix = uniquePrefix()
  const env = {
    HOST: '127.0.0.1',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'info',
    BODY_LIMIT: '16kb',
    TRUSTED_PROXIES: '127.0.0.1',
  }
  const child = Bun.spawn([process.execPath, 'src/server.ts'], {
    cwd: join(import.meta.dir, '../..'),
    env: { ...serverEnv(database.url, prefix), ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const errors: string[] = []
  const url = Promise.withResolvers<string>()
  const read = async (stream: ReadableStream<Uint8Array>, isTrouble: (line: string) => boolean) => {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const found = /listening on (http:\/\/[^/"]+)/.exec(line)?.[1]
        if (found !== undefined) url.resolve(found)
        if (isTrouble(line)) errors.push(line)
      }
    }
  }
  const ended = Promise.all([
    read(child.stdout, (line) => !line.startsWith('{"level":"info"') && !line.startsWith('{"level":"warn"')),
    read(child.stderr, () => true),
    child.exited,
  ])
  void child.exited.then((code) => url.reject(new Error(`the server ended (${code}): ${errors.join('\n')}`)))
  return {
    url: await url.promise,
    errors,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async promote(email: string, role: string) {
      const sql = new Bun.SQL(database.url)
      await sql`update users set role = ${role} where email = ${email}`
      await sql.end()
    },
    async close() {
      child.kill('SIGTERM')
      await ended
      await deletePrefix(prefix)
      await database.drop()
    },
  }
}

/** Cookies of an account of each role, and of nobody. */
async function logInAll(url: string): Promise<string[]> {
  const logins = ROLES.map(async (role) => {
    const body = JSON.stringify({ email: `${role}@example.com`, password: ACCOUNT.password })
    const reply = await fetch(`${url}/api/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
    return /^session=([^;]+)/.exec(reply.headers.get('set-cookie') ?? '')?.[1] ?? ''
  })
  return [...(await Promise.all(logins)), 'A'.repeat(43)]
}

async function attack(
  server: Awaited<ReturnType<typeof startServer>>,
  { seed, from, count }: Options,
): Promise<number> {
  for (const role of ROLES) {
    const body = JSON.stringify({ ...ACCOUNT, email: `${role}@example.com` })
    await fetch(`${server.url}/api/signup`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
    await server.promote(`${role}@example.com`, role)
  }
  let tokens = await logInAll(server.url)
  const config = loadConfig({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' })
  const routes = describeRoutes(createApp({ config } as Deps)).filter(
    ({ path, doc }) => !LEFT_OUT.includes(path) && !ASSETS.includes(doc?.response),
  )
  const sources: Sources = { routes, tokens: () => tokens }

  const statuses = new Map<number, number>()
  const faults: string[] = []
  let byBun = 0
  let next = from
  const port = Number(new URL(server.url).port)
  const work = async () => {
    const client = createClient(port)
    while (next < from + count && server.isAlive()) {
      const number = next++
      if (number % RENEW_EACH === RENEW_EACH - 1) tokens = await logInAll(server.url)
      const request = hostileRequest(seed, number, sources)
      const fault = await client.send(request).then(
        (answer) => {
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
          if (answer.status > 0 && isByBun(answer.headers)) byBun++
          return faultOf(request, answer)
        },
        (error: unknown) => String(error),
      )
      if (fault !== undefined)
        faults.push(
          `${number}: ${fault}\n    ${JSON.stringify(request.bytes.toString('latin1').slice(0, 600))}`,
        )
    }
    client.close()
  }
  await Promise.all(Array.from({ length: CLIENTS }, work))

  if (!server.isAlive()) faults.push('the server has ended')
  else if (!(await fetch(`${server.url}/ready`)).ok) faults.push('the server is not ready any more')
  for (const line of server.errors) faults.push(`logged: ${line.slice(0, 1000)}`)
  for (const fault of faults.slice(0, SHOWN)) console.log(fault)
  const table = [...statuses].toSorted(([a], [b]) => a - b)
  console.log(table.map(([status, n]) => `${status || 'closed'}: ${n}`).join('  '))
  console.log(`${byBun} were no HTTP, and answered by Bun itself (400 and 505, without a body)`)
  const of = (kind: RegExp) => faults.filter((fault) => kind.test(fault)).length
  const [errors, shapes] = [of(/^\d+: (Bun itself )?answered 5/), of(/^\d+: (Bun itself )?answered 4/)]
  console.log(
    `${count} requests, seed ${seed}: ${errors} answers of 5xx, ${shapes} broken error shapes, ` +
      `${faults.length - errors - shapes} other faults`,
  )
  return faults.length
}

interface Options {
  seed: number
  from: number
  count: number
}

function readOptions(): Options {
  const text = { type: 'string' } as const
  const { values } = readArguments({ seed: text, from: text, count: text })
  const whole = (name: keyof Options, otherwise: number) => {
    const value = values[name] === undefined ? otherwise : Number(values[name])
    if (!Number.isSafeInteger(value) || value < 0)
      throw new UsageError(`--${name} is a whole number, 0 or more`)
    return value
  }
  return { seed: whole('seed', 1), from: whole('from', 0), count: whole('count', 100_000) }
}

await runCommand(USAGE, async () => {
  const options = readOptions()
  const { run, close } = await prepareTestRun(process.env)
  Object.assign(process.env, run)
  try {
    const server = await startServer()
    const started = performance.now()
    let faults: number
    try {
      faults = await attack(server, options)
    } finally {
      await server.close()
    }
    console.log(`${Math.round((performance.now() - started) / 1000)} s`)
    if (faults > 0)
      throw new Error(`FAILED: --seed ${options.seed} --from <number> --count 1 sends one of them again`)
  } finally {
    await close()
  }
})
