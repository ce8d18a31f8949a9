// What is really sent to the forms of our own pages, byte by byte, and what is answered.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { DOOR, ENTER } from '../product/door.tsx'
import { startApp, type TestApp } from '../support/harness.ts'
import { rawRequest, toBytes, type RawRequest } from '../support/raw.ts'

let app: TestApp
const warned: Record<string, unknown>[] = []
beforeAll(async () => {
  app = await startApp()
  app.deps.log.warn = (_message, fields = {}) => void warned.push(fields)
})
afterAll(() => app.close())

const ask = (request: RawRequest) => rawRequest(app.url, request)
const HOST = 'Host: shop.test'
const sized = ({ length }: string | Uint8Array) => `Content-Length: ${length}`

const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded'
test.each([
  ['percent-encoded UTF-8', FORM_TYPE, 'email=j%C3%BC%40example.com&password=x', 400, 'Nobody enters'],
  ['percent-encoded Latin-1', FORM_TYPE, 'email=j%FC%40example.com&password=x', 400, 'must be UTF-8'],
  ['raw Latin-1', FORM_TYPE, 'email=j\xfc@example.com&password=x', 400, 'not valid UTF-8'],
  ['another charset', `${FORM_TYPE}; charset=windows-1252`, 'email=a&password=x', 415, 'utf-8'],
])('a form, %s', async (_name, type, body, status, why) => {
  const headers = [HOST, 'Origin: http://shop.test', type, sized(body)]
  const reply = await ask({ method: 'POST', target: ENTER, headers, body: toBytes(body) })
  expect(reply.status).toBe(status)
  expect(JSON.parse(reply.body).err).toContain(why)
})

test('the forms of our own pages take no word from a client that says nothing', async () => {
  const post = async (...headers: string[]) => {
    const cookie = `Cookie: session=${(await app.member()).cookies.get('session')}`
    const type = 'Content-Type: application/x-www-form-urlencoded'
    const all = [HOST, cookie, type, 'Content-Length: 0', ...headers]
    return (await ask({ method: 'POST', target: `${DOOR}/leave`, headers: all })).status
  }
  expect(await post()).toBe(403)
  expect(await post('Origin: http://localhost:5173')).toBe(403)
  expect(await post('Sec-Fetch-Site: same-origin')).toBe(303)
  expect(await post('Origin: http://shop.test')).toBe(303)
})

test('an origin that is refused is in the log, cut, of a visitor too', async () => {
  warned.length = 0
  const evil = `https://evil.example/${'x'.repeat(1000)}`
  expect((await app.visitor().post(ENTER, undefined, { Origin: evil })).status).toBe(403)
  expect(warned.map(({ origin }) => origin)).toEqual([evil.slice(0, 200)])
})
