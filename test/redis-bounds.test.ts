// What an account can put into Redis has a bound. The list is in the README.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { KEPT_MAILS } from '../src/kit/types/mail.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { redisUrl } from './kit/support/services.ts'
import { until } from './kit/support/until.ts'
import { startTestWorker, untilIdle } from './support/worker.ts'

const SESSIONS = 3
const KB = 1024

let app: TestApp
let worker: { stop(): Promise<void> }
let redis: Redis
beforeAll(async () => {
  app = await startApp({ SESSIONS_PER_ACCOUNT: String(SESSIONS), RATE_LIMIT: 'on' })
  worker = await startTestWorker(app)
  redis = new Redis(redisUrl())
})
afterAll(async () => {
  redis.disconnect()
  await worker.stop()
  await app.close()
})

/** Bytes of keys and values by kind of key: what stands before the part that tells one from another. */
async function bytesByKind(): Promise<Record<string, number>> {
  const { redisPrefix } = app.config
  const kinds: Record<string, number> = {}
  for (const key of await redis.keys(`${redisPrefix}*`)) {
    const kind = key
      .slice(redisPrefix.length)
      .replace(/\{jobs:\d+(:[a-z0-9-]+)?\}/, 'jobs')
      .replace(/[^:]*$/, '')
    kinds[kind] = (kinds[kind] ?? 0) + key.length + Buffer.byteLength(JSON.stringify(await valueOf(key)))
  }
  return kinds
}

async function valueOf(key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return redis.hgetall(key)
    case 'set':
      return redis.smembers(key)
    case 'zset':
      return redis.zrange(key, 0, '-1')
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'stream':
      return redis.xrange(key, '-', '+')
    default:
      return redis.get(key)
  }
}

test('an account that does all it can, again and again, leaves what is listed and no more', async () => {
  const ann = await app.member()
  const wrong = { email: ann.account.email, password: 'Wrong123' }
  for (let round = 0; round < 2 * SESSIONS; round++) {
    await ann.post('/api/login', ann.account)
    const token = ann.cookies.get('session') ?? ''
    const data = { text: '"'.repeat(30 * KB) } // escaped, each is two bytes
    await app.deps.sessions.writeData(token, data)
    await expect(app.deps.sessions.writeData(token, { more: 'x'.repeat(5 * KB) })).rejects.toThrow('may hold')
    ann.cookies.clear() // logged in once more, elsewhere
    await ann.post('/api/login', wrong)
    await ann.post('/api/login', ann.account)
  }

  // The welcome mail's job is done, and lies in no worker's list any more.
  await until('the mail', async () => (await app.deps.store.all(KEPT_MAILS)).length > 0)
  await untilIdle(app)

  const kinds = await bytesByKind()
  expect(await app.deps.sessions.allOf(ann.user.id)).toHaveLength(SESSIONS)
  const most: Record<string, number> = {
    's:': SESSIONS * KB,
    'd:': SESSIONS * 66 * KB * 2, // JSON of JSON: quotes are escaped once more here
    'i:': SESSIONS * 0.2 * KB,
    'rl:': KB,
    'rl-pending:': KB,
    'channel:{me:': 10 * KB, // a session's end is told there
    'jobs:': 20 * KB, // of the queue itself: clock, workers, figures
    'jobs:tasks:': 20 * KB, // what tasks did in each minute of the last hour, whoever asked for it
    'kv:': 50 * 20 * KB, // the mails that development keeps
  }
  for (const [kind, bytes] of Object.entries(kinds)) {
    const known = Object.keys(most).find(
      (name) => kind === name || (name === 'rl:' && kind.startsWith('rl:')),
    )
    expect([kind, known !== undefined]).toEqual([kind, true])
    expect([kind, bytes <= (most[known ?? ''] ?? 0) ? 'within' : bytes]).toEqual([kind, 'within'])
  }
})
