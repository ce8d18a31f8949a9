// Codes of an app on two hosts whose clocks are 30 s apart.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Client } from '../../kit/support/client.ts'
import { until } from '../../kit/support/until.ts'
import { codeOf } from '../../support/totp.ts'
import { type Host, startHosts } from './hosts.ts'
import { createNetwork, type Network } from './network.ts'

const cannot = process.getuid?.() !== 0 || !Bun.which('faketime')
if (cannot) process.stderr.write('SKIPPED: codes on two hosts, which take root and faketime\n')

const AHEAD_S = 30

let network: Network
let stage: Awaited<ReturnType<typeof startHosts>>

beforeAll(async () => {
  if (cannot) return
  const made = createNetwork()
  if (!made) throw new Error('no network can be made here: it takes root')
  network = made
  stage = await startHosts(network, network.add('proxy'), [0, AHEAD_S])
  await stage.start()
})
afterAll(async () => {
  await stage?.close()
  network?.remove()
})

test.skipIf(cannot)('a code counts on both hosts, and once', async () => {
  const [one, two] = stage.hosts as [Host, Host]
  for (const [here, there] of [
    [one, two],
    [two, one],
  ] as const) {
    const client = new Client(here.url)
    const account = {
      email: `on-${new URL(here.url).hostname.replaceAll('.', '-')}@example.com`,
      password: '123abC',
      fname: 'Ann',
      lname: 'Lee',
    }
    expect((await client.post('/api/signup', account)).status).toBe(201)
    const verified = { token: await stage.tokenTo(account.email, 'Welcome') }
    expect((await client.post('/api/email/verify', verified)).status).toBe(200)
    const { body: begun } = await client.post('/api/me/factors/totp')
    // Within one half minute of this clock: that of one host is there, the other one's is a step ahead.
    await until('the first half of a half minute', () => Date.now() % 30_000 < 15_000)
    const first = codeOf(begun.secret)
    expect((await client.post('/api/me/factors/totp/confirm', { totp: first })).status).toBe(200)
    const logIn = async (at: Host, code: string) => {
      const visitor = new Client(at.url)
      const { body } = await visitor.post('/api/login', account)
      expect(body.code).toBe('second_factor_required')
      return visitor.post('/api/login/second', { challenge: body.challenge, totp: code })
    }
    expect((await logIn(there, first)).status).toBe(400)
    const next = codeOf(begun.secret, 1)
    expect((await logIn(there, next)).status).toBe(200)
    expect((await logIn(here, next)).status).toBe(400)
  }
})
