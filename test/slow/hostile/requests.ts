// Generated hostile requests: each is made of its seed and its number alone, and so can be sent again.
import type { ApiRoute } from '../../../src/kit/http/doc.ts'

/** What goes over the wire, and what may come back. */
export interface HostileRequest {
  bytes: Buffer
  method: string
  /** Less comes than is announced: the client leaves after this, and there may be no answer. */
  isCut: boolean
  /** The head is no HTTP: Bun answers itself, or closes. */
  isBroken: boolean
}

export interface Sources {
  routes: Pick<ApiRoute, 'method' | 'path' | 'inputs'>[]
  /** Values of the session cookie: of accounts of several roles, and of nobody. */
  tokens: () => readonly string[]
}

/** Draws from 0 up to 1: mulberry32, seeded by both numbers. */
function randomOf(seed: number, number: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What stands between bars. */
const listOf = (...lines: string[]) => lines.join(' | ').split(' | ')

const METHODS = ['GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const ODD_METHODS = ['TRACE', 'CONNECT', 'PROPFIND', 'get', 'G\0T', 'GET\t', 'X'.repeat(300), '']
const HOSTS = listOf(
  'x:99999 | [ | a b |  | x: | x:abc | [::1 | 1.2.3.4.5 | x/y | x@y | \xff | %zz | a, b | ..',
)
const TEXTS = [
  ...listOf(
    ' | 0 | -1 | 1 | 2147483648 | 99999999999999999999 | 1e9 | NaN | null | true | % | %zz | %00 | %ff',
    `%C3 | %ed%a0%80 | %C0%80 | %EF%BF%BD | %F0%9F%92%A9 | %2e%2e%2f | %25%32%35 | + | * | \\ | ' | "`,
    ';-- | %0d%0aX-Injected:%201 | %1b[31m | %7F | \xe9 | \xc3\xa9 | \xff\xfe | __proto__ | [] | a[b]=c',
    '00000000-0000-4000-8000-000000000000 | 2026-01-31 | 9999-12-31T23:59:59-12:00 | ../../etc/passwd',
    '${7*7}',
  ),
  'x'.repeat(3000),
]
const NAMES = [
  ...listOf('page | size | limit | search | creator | cursor | refresh | ms | __proto__ |  | %ff | job'),
  'a'.repeat(300),
]
const TYPES = listOf(
  'application/json | application/json | application/json; charset=utf-8',
  'application/x-www-form-urlencoded | application/json; charset=latin1 | application/json;charset=',
  'application/ld+json | text/plain | multipart/form-data | multipart/form-data; boundary=x | ;',
  'application/json, text/html | \xff | application/jsonp',
)
const VALUES = [
  ...listOf(
    'null | true | 0 | -0 | 1e999 | 1.5 | 2147483648 | [] | {} | [[[]]] | "" | "\\u0000" | "\\ud800"',
    '"\\udfff\\ud800" | "\xff" | "\xed\xa0\x80" | "\xc3\xbc" | "x" | "a@example.com" | "123abC"',
    `"1000-01-01T00:00:00+23:59" | "\\u001b[2J" | {"a":1,"a":2} | NaN | 'x' | "`,
  ),
  `"${'x'.repeat(5000)}"`,
  '['.repeat(3000),
  '['.repeat(3000) + ']'.repeat(3000),
]
/** What some field takes. */
const FINE = ['"x"', '"x"', '"a@example.com"', '"123abC"', 'null']
const KEYS = listOf(
  'title | director | email | password | fname | lname | company | remember | job | cron | __proto__',
  'id | \xff | ',
)
const HEADERS: ((draw: Draw) => string)[] = [
  (d) =>
    `Origin: ${d.of(['null', 'https://evil.test', 'http://localhost:5173', '', '%', 'x', 'http://[', '\xff', 'http://h:99999'])}`,
  (d) => `Sec-Fetch-Site: ${d.of(['same-origin', 'none', 'cross-site', 'same-site', '', 'x'])}`,
  (d) =>
    `X-Forwarded-For: ${d.of(['1.2.3.4', ',', 'unknown', '::1', '\xff', '1.2.3.4, x', 'x'.repeat(2000), '[::1'])}`,
  (d) => `Forwarded: ${d.of(['for=', 'for="[', 'for=_x', ';;;', 'for=1.2.3.4;proto=x'])}`,
  (d) => `X-Forwarded-Host: ${d.of(['evil.test', '[', '', 'a,b'])}`,
  (d) => `X-Forwarded-Proto: ${d.of(['https', 'x', '', 'https,http'])}`,
  (d) => `X-Request-Id: ${d.of(['ok-1', '', 'x'.repeat(300), '\xff', '{}', '%0d%0a'])}`,
  (d) => `Accept: ${d.of(['text/html', '*/*', '', '\xff', 'text/html,*/*;q=0.8'])}`,
  (d) => `Accept-Encoding: ${d.of(['gzip', 'br;q=x', '', 'identity;q=0, *;q=0'])}`,
  (d) =>
    `Authorization: ${d.of(['Bearer x', 'Basic eDp4', 'Bearer', '', '\xff', `Bearer ${'x'.repeat(4000)}`])}`,
  (d) => `Content-Encoding: ${d.of(['gzip', 'identity', '', 'br, gzip', '\xff'])}`,
  (d) => `If-None-Match: ${d.of(['*', '"x"', 'W/"', '\xff'])}`,
  (d) => `Range: ${d.of(['bytes=0-1', 'bytes=-', 'x'])}`,
  (d) => `Expect: ${d.of(['100-continue', 'x'])}`,
  (d) => `Last-Event-ID: ${d.of(['done', '\xff', ''])}`,
  (d) => `User-Agent: ${d.of(['', '\xff', 'x'.repeat(5000), '<script>'])}`,
  (d) => `Access-Control-Request-Headers: ${d.of(['*', '\xff', 'x'.repeat(500)])}`,
  (d) => `Upgrade: ${d.of(['websocket', 'h2c', '\xff'])}`,
  (d) => `Idempotency-Key: ${d.of(['x', '', '\xff'])}`,
]
const BROKEN_HEADERS = listOf(
  'no colon | : empty |  folded: x | Na me: x | N\x00: x | Content-Length: x | Content-Length: -1',
  '\x7f: x',
)

class Draw {
  constructor(readonly random: () => number) {}
  chance = (part: number) => this.random() < part
  below = (n: number) => Math.floor(this.random() * n)
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }
}

type Route = Sources['routes'][number]

/** The fields that a route takes in its body or its query. */
const fieldsOf = ({ inputs }: Route, ...targets: string[]): string[] =>
  inputs.flatMap(({ target, schema }) =>
    targets.includes(target) && 'shape' in schema ? Object.keys(schema.shape as object) : [],
  )

/** The request of this number. */
export function hostileRequest(seed: number, number: number, { routes, tokens }: Sources): HostileRequest {
  const draw = new Draw(randomOf(seed, number))
  const route = draw.of(routes)
  const oddMethod = draw.chance(0.02)
  const method = oddMethod ? draw.of(ODD_METHODS) : draw.chance(0.6) ? route.method : draw.of(METHODS)
  const headers = [`Host: ${draw.chance(0.15) ? draw.of(HOSTS) : 'localhost'}`]
  if (draw.chance(0.02)) headers.push('Host: twice')
  if (draw.chance(0.02)) headers.shift()
  if (draw.chance(0.7)) headers.push(`Cookie: ${cookies(draw, tokens())}`)
  if (draw.chance(0.7)) headers.push(...draw.some(4, () => draw.of(HEADERS)(draw)))
  const brokenHeader = draw.chance(0.03)
  if (brokenHeader) headers.push(draw.of(BROKEN_HEADERS))

  const { lines, body, isCut } = bodyOf(draw, method, fieldsOf(route, 'json', 'form'))
  const target = targetOf(draw, route)
  const version = draw.chance(0.01) ? draw.of(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '', 'http/1.1']) : 'HTTP/1.1'
  const head = [`${method} ${target} ${version}`, ...headers, ...lines].join('\r\n')
  return {
    bytes: Buffer.from(`${head}\r\n\r\n${body}`, 'latin1'),
    method,
    isCut,
    isBroken:
      oddMethod || brokenHeader || version !== 'HTTP/1.1' || headers.length === 0 || BROKEN.test(target),
  }
}

/** What ends a target, or begins none: a blank, a control character, bytes that the parser refuses. */
const BROKEN = /^[^/]|[\0-\x20\x7f-\xff]/

function targetOf(draw: Draw, route: Route): string {
  const { path } = route
  const filled = path.replaceAll(/:\w+/g, () => draw.of(TEXTS))
  const where = draw.chance(0.9)
    ? filled
    : draw.of([`/${draw.of(TEXTS)}`, `/${path}`, `${path}/`, `${path}//x`, '*', 'x', 'http://other/x'])
  const names = [...NAMES, ...fieldsOf(route, 'query').flatMap((name) => [name, name, name])]
  const query = draw.some(3, () => `${draw.of(names)}=${draw.of(TEXTS)}`)
  return query.length > 0 ? `${where}?${query.join('&')}` : where
}

function cookies(draw: Draw, tokens: readonly string[]): string {
  const one = () => {
    const name = draw.chance(0.8) ? 'session' : draw.of(['__Host-session', 'x', 'Session', '', '\xff'])
    return `${name}=${draw.chance(0.8) ? draw.of(tokens) : draw.of(TEXTS)}`
  }
  return [one(), ...(draw.chance(0.2) ? draw.some(5, one) : [])].join(draw.of(['; ', ';', ';;', ' ; ']))
}

interface Body {
  lines: string[]
  body: string
  isCut: boolean
}

function bodyOf(draw: Draw, method: string, fields: string[]): Body {
  if (draw.chance(method === 'GET' || method === 'HEAD' ? 0.9 : 0.1))
    return { lines: [], body: '', isCut: false }
  const type = draw.chance(0.5) ? 'application/json' : draw.of(TYPES)
  const body = draw.chance(0.03)
    ? 'x'.repeat(20_000)
    : type.includes('form')
      ? form(draw, fields)
      : json(draw, fields)
  const lines = draw.chance(0.95) ? [`Content-Type: ${type}`] : []
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  if (draw.chance(0.15)) {
    const isBad = draw.chance(0.3)
    lines.push(
      `Transfer-Encoding: ${isBad ? draw.of(['gzip, chunked', 'x', 'chunked, chunked', '']) : 'chunked'}`,
    )
    if (draw.chance(0.1)) lines.push(`Content-Length: ${body.length}`)
    const broken = draw.chance(0.2)
    // Whatever is not as it says may wait for more: the client leaves.
    return { lines, body: broken ? chunked.slice(0, draw.below(chunked.length)) : chunked, isCut: true }
  }
  const isCut = draw.chance(0.05)
  lines.push(`Content-Length: ${isCut ? body.length + 1 + draw.below(1e6) : body.length}`)
  return { lines, body, isCut }
}

/** Most of what the route takes, and something that it does not. */
function pairsOf(draw: Draw, fields: string[], make: () => string): [string, string][] {
  const wanted = fields.filter(() => draw.chance(0.9))
  return [...wanted, ...(draw.chance(0.3) ? [draw.of(KEYS)] : [])].map((name) => [name, make()])
}

function json(draw: Draw, fields: string[]): string {
  if (draw.chance(0.1)) return draw.of(VALUES)
  const value = () => draw.of(draw.chance(0.8) ? FINE : VALUES)
  const pairs = pairsOf(draw, fields, value).map(([name, text]) => `"${name}":${text}`)
  return draw.chance(0.95) ? `{${pairs.join(',')}}` : `{${pairs.join(',')}`
}

const form = (draw: Draw, fields: string[]) =>
  pairsOf(draw, fields, () => draw.of(TEXTS))
    .map((pair) => pair.join('='))
    .join('&')
