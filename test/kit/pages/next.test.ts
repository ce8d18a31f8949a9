// `next`: it leads to our own pages and to listed origins, whatever an attacker writes into it.
import { expect, test } from 'bun:test'
import { safeNext } from '../../../src/kit/pages/next.ts'
import { loadConfig } from '../product/product.ts'

const services = { DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' }
const production = loadConfig({
  ...services,
  NODE_ENV: 'production',
  APP_URL: 'https://api.example.com',
  CORS_ORIGINS: '*, https://app.example.com, http://shop.test:8080',
})

test.each([
  ['/', '/'],
  ['/club/notes?page=2&refresh=off#dead', '/club/notes?page=2&refresh=off#dead'],
  ['/a/../b', '/b'],
  ['/a?next=//evil.test', '/a?next=//evil.test'],
  ['/ä?b=ö', '/%C3%A4?b=%C3%B6'],
  ['/%2f/evil.test', '/%2f/evil.test'],
  ['/https://evil.test', '/https://evil.test'],
  ['/@evil.test', '/@evil.test'],
  ['https://app.example.com', 'https://app.example.com/'],
  ['https://app.example.com/welcome?x=1#y', 'https://app.example.com/welcome?x=1#y'],
  ['HTTPS://APP.example.com/', 'https://app.example.com/'],
  ['http://shop.test:8080/cart', 'http://shop.test:8080/cart'],
])('%s leads to %s', (next, to) => expect(safeNext(production, next)).toBe(to))

test.each([
  '',
  '*',
  'evil.test',
  'api/list',
  '?x',
  '#x',
  '//evil.test',
  '///evil.test',
  '/\\evil.test',
  '\\\\evil.test',
  '\\/evil.test',
  '/\t/evil.test',
  '\t//evil.test',
  '/\n/evil.test',
  '/\r\nSet-Cookie:x=1',
  '/\0',
  ' //evil.test',
  ' https://evil.test',
  '/.//evil.test',
  '/..//evil.test',
  '/a/..//evil.test',
  '/%2e//evil.test',
  '/%2e%2e//evil.test',
  '/\u2028/evil.test',
  '/\u00a0/evil.test',
  '%2f%2fevil.test',
  'https://evil.test',
  'https:evil.test',
  'https:/evil.test',
  'https:///evil.test',
  'http:app.example.com',
  'http://app.example.com',
  'https://app.example.com:444',
  'https://app.example.com.evil.test',
  'https://app.example.com@evil.test',
  'https://evil.test@app.example.com',
  'https://user:pass@app.example.com/',
  'https://app.example.com\\@evil.test',
  'https://evil.test/https://app.example.com',
  'https://evil.test#https://app.example.com',
  'http://localhost:3000',
  'javascript:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,x',
  'blob:https://app.example.com/x',
  'ftp://app.example.com',
  'null',
  'https://[',
  `/${'x'.repeat(2000)}`,
])('%j leads nowhere', (next) => expect(safeNext(production, next)).toBeUndefined())

test('in development every port of this machine is listed', () => {
  const development = loadConfig(services)
  expect(safeNext(development, 'http://localhost:5173/x')).toBe('http://localhost:5173/x')
  expect(safeNext(development, 'http://localhost.evil.test/')).toBeUndefined()
})
