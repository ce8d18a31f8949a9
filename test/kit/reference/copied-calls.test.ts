// Calls that one copies from the API list: whatever stands in a value stays a value, for the shell, for curl and for TypeScript.
import { expect, test } from 'bun:test'
import type { ApiRoute } from '../../../src/kit/http/doc.ts'
import { callOf, clientOf, curlOf, type Call } from '../../../src/kit/reference/api-list-calls.ts'
import { describeApi } from '../../../src/kit/reference/operations.ts'
import { curlWords } from '../support/shell.ts'

const HOSTILE = [
  "'; exit 3 #",
  '$(exit 3)',
  '`exit 3`',
  '"; exit 3; "',
  'a\nexit 3',
  String.raw`\'; exit 3 #`,
  '@/etc/passwd', // curl would read this file
  '</etc/passwd',
  'a;type=text/html',
  '*',
  '-K/etc/passwd',
  '\u{1b}[2J',
]
const call: Call = { method: 'POST', path: '/api/things/:id', params: {}, query: {}, headers: {} }

const ROUTE: Omit<ApiRoute, 'path'> = {
  method: 'GET',
  base: '/api',
  doc: undefined,
  role: undefined,
  inputs: [],
  errors: [],
  commonErrors: [],
  otherStatuses: [],
}

test.each(HOSTILE)('the value %j does nothing but to be sent', async (value) => {
  const values = { ...call, params: { id: value }, query: { q: value } }
  const [, , url = '', ...rest] = await curlWords(
    curlOf({ ...values, headers: { 'If-Match': value }, body: { text: value } }, 'http://h', false),
  )
  const { pathname, searchParams } = new URL(url)
  expect([decodeURIComponent(pathname), searchParams.get('q')]).toEqual([`/api/things/${value}`, value])
  expect(rest).toEqual(['-H', `If-Match: ${value}`, '--json', JSON.stringify({ text: value }, null, 2)])

  const form = curlOf(
    { ...call, hasFile: true, needsLogin: true, body: { [`${value}x`]: value, file: '' } },
    'http://h',
    false,
  )
  expect((await curlWords(form)).slice(3)).toEqual([
    '-H',
    'Authorization: Bearer the-token',
    '--form-string',
    `${value}x=${value}`,
    '-F',
    'file=@photo.jpg',
  ])
})

test.each([...HOSTILE, String.raw`\\" + x + "`, '${x}', '\u2028'])(
  'TypeScript reads %j as a text',
  async (value) => {
    const code = clientOf(
      { ...call, path: `/api/2fa/:id`, params: { id: value }, body: { '2nd': value } },
      '',
      false,
    )
    let sent: unknown
    const end = { $post: (input: unknown) => (sent = input) }
    const AsyncFunction = (async () => {}).constructor as new (
      ...text: string[]
    ) => (api: unknown) => Promise<void>
    await new AsyncFunction('api', code)({ '2fa': { ':id': end } })
    expect(sent).toEqual({ param: { id: value }, json: { '2nd': value } })
  },
)

test('a parameter with an expression is filled in whole', () => {
  const api = describeApi([{ ...ROUTE, path: '/api/years/:year{[0-9]{4}}/:page{[a-z]+}.json' }])
  const calls = api.operations.map((operation) => curlOf(callOf(operation, api), 'http://h', false))
  expect(calls).toEqual(['curl http://h/api/years/year/page.json'])
})
