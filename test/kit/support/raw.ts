// HTTP by hand: bytes that no client library would send, and what comes back for them.
import { connect } from 'node:net'

export interface RawReply {
  /** 0: the connection was closed without an answer. */
  status: number
  /** By lowercase name; several of one name are joined by a line break. */
  headers: Record<string, string>
  body: string
}

export const toBytes = (text: string) => Buffer.from(text, 'latin1')

/** Sends the parts one after the other, whatever is said meanwhile, and resolves when the server has closed. */
export function rawExchange(
  url: string,
  ...parts: (string | Uint8Array | (() => Promise<unknown>))[]
): Promise<string> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const chunks: Uint8Array[] = []
  const end = () => resolve(Buffer.concat(chunks).toString('latin1'))
  const send = async () => {
    for (const part of parts) {
      if (typeof part === 'function') await part()
      else socket.write(typeof part === 'string' ? toBytes(part) : part)
    }
  }
  const socket = connect(Number(port), hostname, () => void send().catch(reject))
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('close', end)
  socket.on('error', (error) => (chunks.length > 0 || 'code' in error ? end() : reject(error)))
  return promise
}

/** The first answer in what came back, its chunks put together. */
export function parseReply(text: string): RawReply {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).toLowerCase()
    const value = line.slice(at + 1).trim()
    headers[name] = name in headers ? `${headers[name]}\n${value}` : value
  }
  const body = rest.join('\r\n\r\n')
  const isChunked = headers['transfer-encoding'] === 'chunked'
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0),
    headers,
    body: Buffer.from(isChunked ? joinChunks(body) : body, 'latin1').toString(),
  }
}

function joinChunks(body: string): string {
  let text = ''
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at)
    const size = parseInt(body.slice(at, end), 16)
    if (end < 0 || !(size > 0)) return text
    text += body.slice(end + 2, end + 2 + size)
    at = end + 2 + size + 2
  }
}

/** One request by hand. `Connection: close` is added, so that its answer ends. */
export async function rawRequest(
  url: string,
  { method = 'GET', target = '/', headers = [], body = '' }: RawRequest,
): Promise<RawReply> {
  const lines = [`${method} ${target} HTTP/1.1`, ...headers, 'Connection: close', '', '']
  return parseReply(await rawExchange(url, lines.join('\r\n'), body))
}

export interface RawRequest {
  method?: string
  target?: string
  /** Whole lines; a Host is not added. Bytes beyond ASCII stand as Latin-1. */
  headers?: string[]
  body?: string | Uint8Array
}
