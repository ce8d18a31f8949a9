// Makes the example of a call to an endpoint from its schemas: for curl, for the typed client, and to begin trying it with.
import { exampleOf, requestExample } from './openapi-examples.ts'
import { named, PARAMETER, type Api, type Operation } from './operations.ts'

/** What one sends, as the page to try it fills its form. */
export interface Call {
  method: string
  /** `/api/books/:id` */
  path: string
  params: Record<string, string>
  /** Without those that may be left out: their text is empty. */
  query: Record<string, string>
  headers: Record<string, string>
  /** JSON, or the fields of a form with a file. */
  body?: unknown
  hasFile?: boolean
  needsLogin?: boolean
}

/** A call that the endpoint's own validation accepts. */
export function callOf({ id, method, path, inputs, role, requestHeaders = [] }: Operation, api: Api): Call {
  const fields = (part: 'param' | 'query') => api.fields(named(id, part))
  const text = (schema: Parameters<typeof exampleOf>[0], name: string) => {
    const value = exampleOf(schema, api.find, name)
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
  const known = new Map(fields('param').map(({ name, schema }) => [name, schema]))
  const input = inputs.find(({ target }) => target === 'json' || target === 'file')
  const body = input && requestExample(api.request(named(id, input.target)), api.find)
  return {
    method,
    path: path.replaceAll(PARAMETER, ':$1'),
    params: Object.fromEntries(
      [...path.matchAll(PARAMETER)].map(([, name = '']) => [
        name,
        text(known.get(name) ?? { type: 'string' }, name),
      ]),
    ),
    query: Object.fromEntries(
      fields('query').map(({ name, schema, required }) => [name, required ? text(schema, name) : '']),
    ),
    headers: Object.fromEntries(requestHeaders.map(({ name, required }) => [name, required ? '"1"' : ''])),
    ...(input && { body }),
    ...(input?.target === 'file' && { hasFile: true }),
    ...(role !== undefined && { needsLogin: true }),
  }
}

/** The same for a shell. A stream is shown as it comes. @param base `https://api.example.com` */
export function curlOf(
  { method, path, params, query, headers, ...call }: Call,
  base: string,
  streams: boolean,
): string {
  const filled = path.replaceAll(PARAMETER, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const search = new URLSearchParams(given(query)).toString()
  return [
    `curl ${streams ? '-N ' : ''}${method === 'GET' ? '' : `-X ${method} `}${quoted(base + filled + (search && `?${search}`))}`,
    ...(call.needsLogin ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    ...given(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...bodyOf(call),
  ].join(' \\\n  ')
}

function bodyOf({ body, hasFile }: Pick<Call, 'body' | 'hasFile'>): string[] {
  if (body === undefined) return []
  if (hasFile !== true) return [`--json ${quoted(JSON.stringify(body, null, 2), true)}`]
  // Of a text after -F, curl would read `@` and `<` as the name of a file.
  return Object.entries(body as object).map(([name, value]) =>
    isFile(name) ? `-F ${quoted(`${name}=@photo.jpg`)}` : `--form-string ${quoted(`${name}=${value}`)}`,
  )
}

const isFile = (name: string) => name === 'file'

const given = (values: Record<string, string>) => Object.entries(values).filter(([, value]) => value !== '')

const quoted = (text: string, always = false) =>
  !always && /^[\w:/.%@=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The same for the typed client. A stream is what browsers read by themselves. */
export function clientOf(
  { method, path, params, query, headers, body, hasFile }: Call,
  base: string,
  streams: boolean,
) {
  const asked = Object.fromEntries(given(query))
  if (streams)
    return `const events = new EventSource(\n  ${literal(base + path)}, // ${Object.keys(params).join(', ') || 'as it is'}\n  { withCredentials: true },\n)`
  const file =
    hasFile === true &&
    Object.fromEntries(
      Object.entries(body as object).map(([name, value]) => [name, isFile(name) ? FILE : value]),
    )
  const sent = {
    ...(Object.keys(params).length > 0 && { param: params }),
    ...(Object.keys(query).length > 0 && { query: asked }),
    ...(body !== undefined && (file ? { form: file } : { json: body })),
  }
  const steps = path
    .split('/')
    .slice(1)
    .map((step, i) => (IDENTIFIER.test(step) ? `${i > 0 ? '.' : ''}${step}` : `[${literal(step)}]`))
  const options =
    given(headers).length > 0 ? `, { headers: ${literal(Object.fromEntries(given(headers)))} }` : ''
  const begin = `const reply = await ${steps.join('')}.$${method.toLowerCase()}(`
  const input = Object.keys(sent).length > 0 ? literal(sent, '', WIDTH - begin.length) : options && '{}'
  return `${begin}${input}${options})`
}

/** Stands for a file in an example: a variable, not a text. */
const FILE = Symbol('file')

/** What needs no quotes as a property: `2fa` does. */
const IDENTIFIER = /^[a-z_]\w*$/i

/** Characters of a line that are seen beside the text. */
const WIDTH = 60

/** A value as TypeScript, in lines where it does not fit one. */
function literal(value: unknown, indent = '', room = WIDTH - indent.length): string {
  if (value === FILE) return 'file'
  if (typeof value === 'string')
    return `'${JSON.stringify(value)
      .slice(1, -1)
      .replaceAll(String.raw`\"`, '"')
      .replaceAll("'", String.raw`\'`)}'`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = `${indent}  `
  const parts = Array.isArray(value)
    ? value.map((item) => literal(item, inner))
    : Object.entries(value).map(
        ([name, item]) => `${IDENTIFIER.test(name) ? name : literal(name)}: ${literal(item, inner)}`,
      )
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  const blank = Array.isArray(value) || parts.length === 0 ? '' : ' '
  const line = `${open}${blank}${parts.join(', ')}${blank}${close}`
  if (line.length <= room && !line.includes('\n')) return line
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`
}
