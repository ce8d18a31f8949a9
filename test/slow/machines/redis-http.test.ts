// The service over HTTP while the master of its Redis goes away: what cannot be done is 503 with Retry-After, and never another error.
import { afterEach, expect, test } from 'bun:test'
import { Client } from '../../kit/support/client.ts'
import { until } from '../../kit/support/until.ts'
import { type TestApp, startApp } from '../../support/harness.ts'
import { log } from '../step.ts'
import { ask, type RedisSet, type Server, startCluster, startSentinels } from './redis-sets.ts'

const CLIENTS = 4

const open: { set?: RedisSet; app?: TestApp; stop?: () => Promise<unknown> } = {}
afterEach(async () => {
  await open.stop?.()
  await open.app?.close()
  open.set?.remove()
})

type Ask = (client: Client, n: number) => ReturnType<Client['get']>

/** Each asks something else of Redis: sessions, limits, answers that are kept for a second attempt, jobs. */
const requests = (account: { email: string; password: string }, one: number): Record<string, Ask> => ({
  'GET me': (client) => client.get('/api/me'),
  'PATCH me': (client, n) => client.patch('/api/me', { fname: `Ann ${n}` }),
  'log in and out': async (client) => {
    const visitor = new Client(client.url)
    const reply = await visitor.post('/api/login', account)
    return reply.status === 200 ? visitor.post('/api/logout') : reply
  },
  'POST movie, once': (client, n) =>
    client.post('/api/movies', { title: `Film ${n}` }, { 'Idempotency-Key': `film-${one}-${n}` }),
  'GET movies': (client) => new Client(client.url).get('/api/movies'),
  'password forgotten': (client) =>
    new Client(client.url).post('/api/password/forgot', { email: account.email }),
})

async function startLoad(app: TestApp) {
  const counts: Record<string, number> = {}
  const wrong: unknown[] = []
  let [isOver, n, goneMs, served] = [false, 0, 0, performance.now()]
  const people = await Promise.all(Array.from({ length: CLIENTS }, () => app.member('editor')))
  const loops = people.map(async (client, one) => {
    while (!isOver) {
      for (const [what, request] of Object.entries(requests(client.account, one))) {
        const { status, headers, text } = await request(client, n++)
        const key = `${what} ${status}`
        counts[key] = (counts[key] ?? 0) + 1
        const isRefusal = (status === 503 || status === 429) && Number(headers.get('Retry-After')) > 0
        if (status >= 300 && !isRefusal) wrong.push([key, text])
        if (what === 'GET me' && status === 200) {
          goneMs = Math.max(goneMs, performance.now() - served)
          served = performance.now()
        }
      }
      await Bun.sleep(5)
    }
  })
  open.stop = () => {
    isOver = true
    return Promise.all(loops)
  }
  return {
    people,
    counts,
    async end(title: string) {
      await open.stop?.()
      log(`${title}, over HTTP: ${JSON.stringify(counts)}, ${(goneMs / 1000).toFixed(1)} s without a session`)
      return wrong
    },
  }
}

const signals = { killed: 'SIGKILL', frozen: 'SIGSTOP' } as const
/** The master that most of what the service keeps lies on. */
const busiest = ({ servers }: RedisSet) => {
  const masters = servers.filter((one) => ask(one, 'role').startsWith('master'))
  const [most] = masters.toSorted((a, b) => Number(ask(b, 'dbsize')) - Number(ask(a, 'dbsize')))
  if (!most) throw new Error('no master')
  return most
}
const send = (server: Server, signal: NodeJS.Signals) => void process.kill(server.process.pid ?? 0, signal)

for (const [name, start] of [
  ['Sentinel', startSentinels],
  ['Cluster', startCluster],
] as const)
  for (const [how, signal] of Object.entries(signals))
    test(`${name}, its master ${how}: what cannot be done is 503 with Retry-After, and it goes on`, async () => {
      const set = (open.set = await start())
      const env = {
        REDIS_URL: set.url,
        REDIS_TIMEOUT_MS: '2000',
        RATE_LIMIT: 'on',
        RATE_LIMIT_ADDRESS: '1000000',
      }
      const app = (open.app = await startApp(env))
      const load = await startLoad(app)
      const served = () => load.counts['GET me 200'] ?? 0
      await until('requests to be served', () => served() > 100)
      send(busiest(set), signal)
      await until('requests to be refused', () => Object.keys(load.counts).some((key) => key.endsWith('503')))
      for (const client of load.people)
        await until('the session', async () => (await client.get('/api/me')).status === 200)
      const before = served()
      await until('requests to be served', () => served() > before + 100)
      expect(await load.end(`${name}, its master ${how}`)).toEqual([])
    })
