// Two hosts behind HAProxy and behind nginx, their clocks 30 s apart: one dies, one loses Redis, one loses Postgres. It prints what clients are told.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { Client } from '../../kit/support/client.ts'
import { haproxy, nginx, writeHaproxy, writeNginx } from '../../kit/support/proxies.ts'
import { until } from '../../kit/support/until.ts'
import { type Host, startHosts } from './hosts.ts'
import { createNetwork, type Machine, type Network } from './network.ts'

const cannot = process.getuid?.() !== 0 || !haproxy || !nginx || !Bun.which('faketime')
if (cannot) process.stderr.write('SKIPPED: two hosts, which take root, haproxy, nginx and faketime\n')

const AHEAD_S = 30
const READERS = 8
const WRITERS = 2
/** Failed logins to one account. */
const ACCOUNT_LIMIT = 10

let network: Network
let stage: Awaited<ReturnType<typeof startHosts>>
let one: Host
let two: Host
const balancers: Balancer[] = []

beforeAll(async () => {
  if (cannot) return
  const made = createNetwork()
  if (!made) throw new Error('no network can be made here: it takes root')
  network = made
  const proxy = network.add('proxy')
  stage = await startHosts(network, proxy, [0, AHEAD_S])
  ;[one, two] = stage.hosts as [Host, Host]
  await stage.start()
  const api = stage.hosts.map(({ address }) => address)
  balancers.push(startHaproxy(proxy, api), startNginxHosts(proxy, api))
  for (const { url } of balancers)
    await until('the balancer', () =>
      fetch(`${url}/api/nothing`).then(
        ({ status }) => status === 404,
        () => false,
      ),
    )
})
afterAll(async () => {
  for (const { folder } of balancers) rmSync(folder, { recursive: true })
  await stage?.close()
  network?.remove()
})

interface Balancer {
  url: string
  folder: string
  /** Whether it sends requests to a host; undefined where it tells nobody. */
  uses(host: Host): Promise<boolean | undefined>
}

function startHaproxy(proxy: Machine, api: string[]): Balancer {
  const { config, folder, stats } = writeHaproxy(api)
  proxy.start([haproxy ?? '', '-db', '-f', config])
  const show = () =>
    new Promise<string>((resolve, reject) => {
      let said = ''
      connect(stats, function (this: { end(text: string): void }) {
        this.end('show stat\n')
      })
        .on('data', (chunk) => (said += String(chunk)))
        .on('end', () => resolve(said))
        .on('error', reject)
    })
  return {
    url: `http://${proxy.address}`,
    folder,
    async uses(host) {
      const name = host === one ? 'one' : 'two'
      return new RegExp(`^api,${name},.*,UP,`, 'm').test(await show())
    },
  }
}

function startNginxHosts(proxy: Machine, api: string[]): Balancer {
  const { config, folder } = writeNginx({ api, areHosts: true }, `${proxy.address}:81`)
  proxy.start([nginx ?? '', '-c', config, '-e', `${folder}/error.log`])
  return { url: `http://${proxy.address}:81`, folder, uses: async () => undefined }
}

let people = 0
let stopTraffic = (): unknown => undefined
afterEach(() => stopTraffic())
async function signUp(url: string) {
  const client = new Client(url)
  const account = { email: `host${++people}@example.com`, password: '123abC', fname: 'Ann', lname: 'Lee' }
  const { status, text } = await client.post('/api/signup', account)
  if (status !== 201) throw new Error(`signup: ${status} ${text}`)
  return { client, account }
}

/** Clients with a session and with a token that read, and those that write, through the balancer. */
async function startTraffic({ url }: Balancer) {
  const { client } = await signUp(url)
  const made = await client.post('/api/me/tokens', { name: 'traffic' })
  expect(made.status).toBe(201)
  const program = new Client(url, { Authorization: `Bearer ${made.body.token}` })
  const counts: Record<string, number> = {}
  let [answered, slowestMs, stopping] = [0, 0, false]
  stopTraffic = () => (stopping = true)
  const loop = async (what: string, ask: () => Promise<{ status: number }>) => {
    while (!stopping) {
      const began = performance.now()
      const status = await ask().then(
        (reply) => String(reply.status),
        () => 'no answer',
      )
      const key = `${what} ${status}`
      counts[key] = (counts[key] ?? 0) + 1
      slowestMs = Math.max(slowestMs, performance.now() - began)
      if (status.startsWith('2')) answered++
      await Bun.sleep(5)
    }
  }
  const loops = Array.from({ length: READERS }, (_, i) =>
    i % 2 === 0
      ? loop('GET with session', () => client.get('/api/me'))
      : loop('GET with token', () => program.get('/api/me')),
  )
  for (let i = 0; i < WRITERS; i++)
    loops.push(loop('PATCH', () => client.patch('/api/me', { fname: `Ann ${i}` })))
  return {
    client,
    served(more = 200) {
      const before = answered
      return until('requests to be served', () => answered > before + more)
    },
    /** @returns how often which status came */
    async end(title: string) {
      stopping = true
      await Promise.all(loops)
      const failed = Object.entries(counts)
        .filter(([key]) => !/ 2\d\d$/.test(key))
        .reduce((sum, [, count]) => sum + count, 0)
      process.stdout.write(
        `${title}: ${failed} failed, ${JSON.stringify(counts)}, slowest ${(slowestMs / 1000).toFixed(1)} s\n`,
      )
      return counts
    },
  }
}

/** Nobody is logged out, nothing is an error of ours: what goes wrong says that the service is away. A write of a host that dies has no answer. */
function expectHonest(counts: Record<string, number>): void {
  expect(Object.keys(counts).filter((key) => !/ (2\d\d|503|502|504)$|^PATCH no answer$/.test(key))).toEqual(
    [],
  )
}

async function returned(balancer: Balancer, host: Host): Promise<void> {
  await until('the host to be ready', () => host.isReady())
  await until('the balancer to use it', async () => (await balancer.uses(host)) ?? true)
  const before = host.served()
  await until('the host to serve', () => host.served() > before + 20)
}

describe.skipIf(cannot).each(['HAProxy', 'nginx'])('two hosts behind %s', (name) => {
  const balancer = () => balancers[name === 'nginx' ? 1 : 0] as Balancer

  test('one is killed: the other serves on, sessions and tokens live, and it comes back', async () => {
    const traffic = await startTraffic(balancer())
    await traffic.served()
    await two.end('SIGKILL')
    await traffic.served(500)
    await two.start()
    await returned(balancer(), two)
    expectHonest(await traffic.end(`${name}, one host killed`))
  })

  for (const engine of ['Redis', 'Postgres'] as const)
    test(`one is cut off from ${engine} only: it is left out, and comes back`, async () => {
      const traffic = await startTraffic(balancer())
      await traffic.served()
      two.cutOff(engine)
      await until('/ready to say so', async () => !(await two.isReady()))
      await until('the balancer to know', async () => !(await balancer().uses(two)))
      await traffic.served(500)
      expect(await one.isReady()).toBe(true)
      two.reconnect(engine)
      await returned(balancer(), two)
      expectHonest(await traffic.end(`${name}, one host cut off from ${engine}`))
    })
})

describe.skipIf(cannot)('clocks that are 30 s apart', () => {
  test('a session, a token and a limit are those of both hosts', async () => {
    expect(Math.round((two.aheadMs - one.aheadMs) / 10_000)).toBe(AHEAD_S / 10)
    for (const [here, there] of [
      [one, two],
      [two, one],
    ] as const) {
      const { client, account } = await signUp(here.url)
      const elsewhere = new Client(there.url)
      elsewhere.cookies = client.cookies
      expect((await elsewhere.get('/api/me')).status).toBe(200)
      const { body } = await client.post('/api/me/tokens', { name: 'far' })
      const program = new Client(there.url, { Authorization: `Bearer ${body.token}` })
      expect((await program.get('/api/me')).status).toBe(200)

      const guess = { email: account.email, password: 'Wrong123' }
      const statuses: number[] = []
      for (let i = 0; i < ACCOUNT_LIMIT; i++)
        statuses.push((await new Client((i % 2 ? here : there).url).post('/api/login', guess)).status)
      expect(statuses).toEqual(statuses.map(() => 400))
      for (const { url } of [here, there])
        expect((await new Client(url).post('/api/login', guess)).status).toBe(429)

      expect((await client.post('/api/logout')).status).toBe(200)
      elsewhere.cookies = new Map(client.cookies)
      expect((await elsewhere.get('/api/me')).status).toBe(401)
    }
  })

  test('a one-time link is that of both hosts, and counts once', async () => {
    for (const [here, there] of [
      [one, two],
      [two, one],
    ] as const) {
      const { client, account } = await signUp(here.url)
      const elsewhere = new Client(there.url)
      elsewhere.cookies = client.cookies
      const verified = { token: await stage.tokenTo(account.email, 'Welcome') }
      expect((await elsewhere.post('/api/email/verify', verified)).status).toBe(200)
      expect((await client.post('/api/email/verify', verified)).body.code).toBe('token_expired')
    }
  })

  test('a cron ticks once, on whichever host', async () => {
    const ticks = () =>
      stage.hosts
        .flatMap(({ lines }) => lines)
        .filter((line) => line.msg === 'cron tick enqueued' && line.cron === 'minutely')
        .map((line) => line.tick)
    const before = ticks().length
    // Both clocks pass a full minute meanwhile.
    await until('two ticks', () => ticks().length >= before + 2, 180_000)
    expect(ticks().toSorted()).toEqual([...new Set(ticks())].toSorted())
    const runs = stage.hosts.flatMap(({ lines }) => lines).filter(({ msg }) => /job done/.test(msg))
    process.stdout.write(`${ticks().length} ticks, ${runs.length} jobs done\n`)
  })
})
