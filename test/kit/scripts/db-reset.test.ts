// `npm run db:reset`: the database of a checkout is made anew, beside a server that runs, and no other one ever is.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { readServicesFile } from '../../../scripts/services/protocol.ts'
import { createDatabase, deletePrefix, PATIENT, redisUrl, uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dir, '../../..')

let parent: string
let dataDir: string
beforeAll(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'reset-')))
  chmodSync(parent, 0o711) // as root, Postgres runs as another user and has to pass
  dataDir = join(parent, 'data')
})
afterAll(() => rmSync(parent, { recursive: true }))

function spawn(script: string, args: string[], env: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, `scripts/${script}.ts`, ...args], {
    cwd: ROOT,
    // Set though empty, they stay what they are whatever a developer's .env says.
    env: {
      ...process.env,
      PATH: process.env.TEST_REDIS === 'embedded' ? '' : process.env.PATH,
      ...PATIENT,
      NODE_ENV: 'development',
      DATABASE_URL: '',
      MIGRATE_DATABASE_URL: '',
      REDIS_URL: '',
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: '0',
      ...env,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

async function reset(args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn('db-reset', args, env)
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

test.each([
  ['NODE_ENV', 'production', 'This is production (NODE_ENV)'],
  ['DATABASE_URL', 'another', 'DATABASE_URL is set: db:reset deletes no database but the embedded one'],
  ['MIGRATE_DATABASE_URL', 'another', 'MIGRATE_DATABASE_URL= npm run db:reset'],
])(
  '%s=%s is refused with what to do, nothing is started, and that database stays',
  async (name, value, why) => {
    const database = await createDatabase()
    const sql = postgres(database.url, { max: 1 })
    try {
      const given = value === 'another' ? database.url : value
      const none = join(parent, 'none')
      const { code, out, err } = await reset(['--seed'], { DATA_DIR: none, [name]: given })
      expect([code, out, err]).toEqual([1, '', expect.stringContaining(why)])
      expect(existsSync(none)).toBe(false)
      expect((await sql`select from users`).length).toBe(0) // the table is there, and so is this connection
    } finally {
      await sql.end()
      await database.drop()
    }
  },
)

/** A server on the embedded services, as `npm start` runs it; `said` is what it printed. */
async function startServer() {
  const child = spawn('start', [])
  let said = ''
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) said += decoder.decode(chunk, { stream: true })
  }
  const reading = [read(child.stdout), read(child.stderr)]
  const urlIn = () => /(http:\/\/127\.0\.0\.1:\d+) {2}\(/.exec(said)?.[1]
  const ended = child.exited.then((code) => Promise.reject(new Error(`It ended (${code}):\n${said}`)))
  const url = await Promise.race([until('the server to say where it is', urlIn), ended])
  ended.catch(() => {}) // from now on it ends because it is stopped
  return {
    url,
    isAlive: () => child.exitCode === null,
    async stop() {
      child.kill('SIGTERM')
      await Promise.all([child.exited, ...reading])
    },
  }
}

test('beside a server that runs accounts, sessions and all else in Redis are gone, tables are there, and it goes on', async () => {
  const server = await startServer()
  const services = readServicesFile(dataDir)
  const redis = new Redis(services?.redisUrl ?? '')
  try {
    const account = { email: 'ann@example.com', password: 'Secret123', fname: 'Ann', lname: 'Lee' }
    const signUp = () =>
      fetch(`${server.url}/api/signup`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(account),
      })
    const signup = await signUp()
    const cookie = signup.headers.get('set-cookie')?.split(';')[0] ?? ''
    const me = async () => (await fetch(`${server.url}/api/me`, { headers: { cookie } })).status
    expect([signup.status, await me()]).toEqual([201, 200])
    await redis.set('marker', 'of before')

    const { code, out, err } = await reset(['--seed'])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      /^the database ".+" is empty\nsessions and jobs are deleted\n(.+\n)*applied \d+ of \d+ migrations\n/,
    )
    expect(out).toMatch(/ added|nothing to add/)

    expect([await redis.get('marker'), await me()]).toEqual([null, 401])
    // Its connections were cut; it may learn so by a query.
    const again = await until('a signup to work again', async () => {
      const reply = await signUp()
      return reply.status < 500 ? reply : undefined
    })
    expect([again.status, server.isAlive()]).toEqual([201, true])
  } finally {
    redis.disconnect()
    await server.stop()
  }
})

test('a Redis of your own is left as it is, and that is said', async () => {
  const prefix = uniquePrefix()
  const redis = new Redis(redisUrl())
  try {
    await redis.set(`${prefix}marker`, 'mine')
    const { code, out } = await reset([], { REDIS_URL: redisUrl(), REDIS_PREFIX: prefix })
    expect([code, out]).toEqual([0, expect.stringContaining('REDIS_URL names a Redis of your own')])
    expect(await redis.get(`${prefix}marker`)).toBe('mine')
  } finally {
    redis.disconnect()
    await deletePrefix(prefix)
  }
})
