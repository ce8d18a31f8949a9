// The client's address: the connection's own, unless a trusted proxy says otherwise.
import { expect, test } from 'bun:test'
import { clientIp } from '../src/web/client-ip.ts'
import { factory } from '../src/web/factory.ts'

const app = factory.createApp()
app.use(clientIp(['10.0.0.0/8']))
app.get('/', (c) => c.text(c.var.ip))

const seenFrom = async (remoteAddress: string, headers: Record<string, string>) =>
  (await app.request('/', { headers }, { remoteAddress })).text()

const REAL = { 'X-Real-IP': '203.0.113.7' }
const FORWARDED = { 'X-Forwarded-For': '6.6.6.6, 203.0.113.8, 10.0.0.2' }

test('a stranger is believed nothing', async () => {
  expect(await seenFrom('198.51.100.1', { ...REAL, ...FORWARDED })).toBe('198.51.100.1')
})

test("a trusted proxy's X-Real-IP counts, above X-Forwarded-For", async () => {
  expect(await seenFrom('10.0.0.1', { ...REAL, ...FORWARDED })).toBe('203.0.113.7')
  expect(await seenFrom('::ffff:10.0.0.1', REAL)).toBe('203.0.113.7')
})

test('of X-Forwarded-For the last stranger counts: what stands before was sent by him', async () => {
  expect(await seenFrom('10.0.0.1', FORWARDED)).toBe('203.0.113.8')
})

test('a port beside the address is left out', async () => {
  expect(await seenFrom('10.0.0.1', { 'X-Real-IP': '203.0.113.7:5678' })).toBe('203.0.113.7')
  expect(await seenFrom('10.0.0.1', { 'X-Forwarded-For': '[2001:db8::1]:5678' })).toBe('2001:db8::1')
})

test('what is no address does not count', async () => {
  expect(await seenFrom('10.0.0.1', { 'X-Real-IP': '<script>' })).toBe('10.0.0.1')
  expect(await seenFrom('10.0.0.1', { 'X-Forwarded-For': 'unknown' })).toBe('10.0.0.1')
  expect(await seenFrom('10.0.0.1', { 'X-Real-IP': 'foo:bar' })).toBe('10.0.0.1')
  expect(await seenFrom('10.0.0.1', {})).toBe('10.0.0.1')
})
