// Reads a multipart form piece by piece (RFC 7578): its fields, and then one file, of which no more than a piece is in memory.
import { invalidRequest } from '../types/api-error.ts'

export interface FilePart {
  /** As the client names it: never a path of ours. */
  name: string
  /** As the client says, without parameters. */
  type: string
  /** Bytes, by what the request says of its length. */
  size: number
  /** Throws invalidRequest where they end early, or something follows them. */
  bytes: AsyncIterable<Uint8Array>
}

/** Of all fields with their names, and of the headers of a part. */
const MAX_FIELD_BYTES = 64 * 1024
const broken = (why: string) => invalidRequest({ message: `The form cannot be read: ${why}` })
const utf8 = new TextDecoder('utf-8', { fatal: true })
const encode = (plain: string) => new TextEncoder().encode(plain)
const CRLF = encode('\r\n')

/**
 * Reads up to the file, which has to be the last part.
 * @param length of the whole body, in bytes
 * @throws invalidRequest
 */
export async function readForm(body: AsyncIterable<Uint8Array>, boundary: string, length: number) {
  const source = body[Symbol.asyncIterator]()
  const delimiter = encode(`\r\n--${boundary}`)
  // As if a line ended before the first byte: then every delimiter is alike.
  let held: Uint8Array = CRLF
  let count = -CRLF.length
  const fields: Record<string, string> = {}

  async function more(): Promise<boolean> {
    const { done, value } = await source.next()
    if (done) return false
    held = held.length === 0 ? value : joined(held, value)
    return true
  }
  function take(size: number): Uint8Array {
    const taken = held.subarray(0, size)
    held = held.subarray(size)
    count += size
    return taken
  }
  /** What stands before a mark, which goes too. */
  async function takeUntil(mark: Uint8Array): Promise<Uint8Array> {
    for (;;) {
      const at = indexOf(held, mark)
      if (at > MAX_FIELD_BYTES || (at < 0 && held.length > MAX_FIELD_BYTES))
        throw broken('a field is too large')
      if (at >= 0) {
        const taken = take(at)
        take(mark.length)
        return taken
      }
      if (!(await more())) throw broken('it ends early')
    }
  }

  if ((await takeUntil(delimiter)).length > 0) throw broken('something stands before its first part')
  for (let size = 0; size < MAX_FIELD_BYTES;) {
    if (text(await takeUntil(CRLF)) !== '') throw broken('it has no file, or not as its last part')
    const headers = text(await takeUntil(encode('\r\n\r\n')))
    const disposition = /^content-disposition:\s*form-data\b(.*)$/im.exec(headers)?.[1] ?? ''
    const of = (name: string) => new RegExp(`;\\s*${name}="([^"\\r\\n]*)"`, 'i').exec(disposition)?.[1]
    const name = of('name')
    if (name === undefined) throw broken('a part has no name')
    const fileName = of('filename')
    if (fileName !== undefined) {
      const type = /^content-type:\s*([^;\s]+)/im.exec(headers)?.[1]?.toLowerCase() ?? ''
      // Behind it there is nothing but the last delimiter.
      const left = length - count - delimiter.length - '--\r\n'.length
      return {
        fields,
        field: name,
        file: { name: fileName, type, size: left, bytes: pieces() } satisfies FilePart,
      }
    }
    const value = text(await takeUntil(delimiter))
    size += name.length + value.length
    fields[name] = value
  }
  throw broken('its fields are too large')

  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = indexOf(held, delimiter)
      // The end of what is held may be the beginning of a delimiter.
      const size = at >= 0 ? at : Math.max(0, held.length - delimiter.length + 1)
      if (size > 0) yield take(size)
      if (at >= 0) break
      if (!(await more())) throw broken('it ends early')
    }
    take(delimiter.length)
    while (await more()) if (held.length > 4) break
    if (!['--', '--\r\n'].includes(text(held))) throw broken('its file is not its last part')
  }
}

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw broken('a field is not UTF-8')
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

function indexOf(bytes: Uint8Array, mark: Uint8Array): number {
  const first = mark[0] ?? 0
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + mark.length > bytes.length) return -1
    if (mark.every((byte, i) => bytes[at + i] === byte)) return at
  }
  return -1
}
