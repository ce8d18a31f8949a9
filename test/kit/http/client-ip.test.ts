// The client's address: the connection's own, unless a trusted proxy says otherwise.
import { expect, test } from 'bun:test'
import { clientIp } from '../../../src/kit/http/client-ip.ts'
import { factory } from '../product/product.ts'

const appOf = (header?: string) => {
  const app = factory.createApp()
  app.use(clientIp(['10.0.0.0/8', 'fd00::/8'], header))
  return app.get('/', (c) => c.text(c.var.ip))
}

/** What is seen of a request that came from an address, where the setting names this header. */
const seen = async (remoteAddress: string, headers: Record<string, string>, header?: string) =>
  (await appOf(header).request('/', { headers }, { remoteAddress })).text()

const PROXY = '10.0.0.1'
const FORWARDED_FOR = { 'X-Forwarded-For': '6.6.6.6, 203.0.113.8, 10.0.0.2' }

test('a stranger is believed nothing', async () => {
  const all = { ...FORWARDED_FOR, 'X-Real-IP': '203.0.113.7', Forwarded: 'for=203.0.113.7' }
  for (const header of [undefined, 'X-Real-IP', 'Forwarded']) {
    expect(await seen('198.51.100.1', all, header)).toBe('198.51.100.1')
  }
})

test('of X-Forwarded-For the last stranger counts: what stands before was sent by him', async () => {
  expect(await seen(PROXY, FORWARDED_FOR)).toBe('203.0.113.8')
  expect(await seen('::ffff:10.0.0.1', FORWARDED_FOR)).toBe('203.0.113.8')
})

test('a header that the proxy does not write, and so passes on, changes nothing', async () => {
  const passed = { 'X-Real-IP': '6.6.6.6', Forwarded: 'for=6.6.6.6', 'CF-Connecting-IP': '6.6.6.6' }
  expect(await seen(PROXY, { ...FORWARDED_FOR, ...passed })).toBe('203.0.113.8')
  expect(await seen(PROXY, passed)).toBe(PROXY)
})

test('the setting names the header that counts, and then no other does', async () => {
  const headers = { ...FORWARDED_FOR, 'X-Real-IP': '203.0.113.7' }
  expect(await seen(PROXY, headers, 'X-Real-IP')).toBe('203.0.113.7')
  expect(await seen(PROXY, FORWARDED_FOR, 'X-Real-IP')).toBe(PROXY)
})

test.each([
  ['203.0.113.7:5678', '203.0.113.7'],
  ['[2001:db8::1]:5678', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  [' 203.0.113.7 ', '203.0.113.7'],
])('%p is the address without what proxies write around it', async (entry, address) => {
  expect(await seen(PROXY, { 'X-Forwarded-For': entry })).toBe(address)
})

test.each([
  ['for=203.0.113.7', '203.0.113.7'],
  ['for=6.6.6.6, for=203.0.113.7;proto=https;by=10.0.0.1', '203.0.113.7'],
  ['proto=https; For="[2001:db8::1]:5678"', '2001:db8::1'],
  ['for=203.0.113.7, for="[fd00::2]"', '203.0.113.7'],
  ['for=6.6.6.6, for=_hidden', PROXY],
  ['for=6.6.6.6, for=unknown', PROXY],
  ['by=203.0.113.7', PROXY],
])('Forwarded: %s', async (value, address) => {
  expect(await seen(PROXY, { Forwarded: value }, 'Forwarded')).toBe(address)
})

test('what is empty or no address hides nothing, and is nobody', async () => {
  for (const odd of ['', ' ', ',', '<script>', 'foo:bar', 'unix:', '999.1.1.1']) {
    expect([odd, await seen(PROXY, { 'X-Forwarded-For': odd })]).toEqual([odd, PROXY])
    const beside = { 'X-Forwarded-For': `203.0.113.8, ${odd}` }
    expect([odd, await seen(PROXY, beside)]).toEqual([odd, '203.0.113.8'])
    expect(await seen(PROXY, { ...FORWARDED_FOR, 'X-Real-IP': odd })).toBe('203.0.113.8')
  }
  expect(await seen(PROXY, {})).toBe(PROXY)
})

test('a proxy that will not say whom it serves stands for them: what its client claims does not count', async () => {
  expect(await seen(PROXY, { 'X-Forwarded-For': 'unknown' })).toBe(PROXY)
  expect(await seen(PROXY, { 'X-Forwarded-For': '6.6.6.6, unknown' })).toBe(PROXY)
})
