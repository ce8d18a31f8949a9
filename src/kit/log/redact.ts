// Keeps secrets out of the log: input is copied with the values of secret keys replaced, and cut to a size.

const SECRET_WORDS = [
  'password',
  'passwd',
  'pwd',
  'token',
  'secret',
  'authorization',
  'cookie',
  'apikey',
  'credential',
  'passphrase',
  '^pass$',
]

export const MASK = '***'
/** One list for all who have no words of their own: patterns are kept by list. */
const NONE: readonly string[] = []
const CUT = '…(cut)'
const MAX_DEPTH = 20
/** A key longer than this is no name: its value is taken for a secret, and the key is cut. */
const MAX_KEY = 200

/**
 * A copy fit for the log: the values of secret keys are replaced at any depth, in query strings and in
 * JSON within strings too. A key is secret if it contains a secret word or one of `extraKeys`, however it
 * is cased and punctuated. Past `maxChars` of content, and past 20 levels, a marker stands for the rest.
 */
export function redact(value: unknown, extraKeys = NONE, maxChars = 100_000): unknown {
  return copy(value, 0, { secret: secretPattern(extraKeys), left: maxChars })
}

/** The redacted value as JSON text of at most `maxChars` characters. Its cost is bound by `maxChars`, not by the value. */
export function summarize(value: unknown, extraKeys = NONE, maxChars = 1000): string {
  const text = JSON.stringify(redact(value, extraKeys, maxChars)) ?? ''
  return text.length <= maxChars ? text : text.slice(0, maxChars - CUT.length) + CUT
}

/** True if the text mentions a secret word, or one of `extraKeys`. */
export function mentionsSecret(text: string, extraKeys = NONE): boolean {
  return secretPattern(extraKeys).test(squash(text))
}

interface Walk {
  secret: RegExp
  /** Characters that may still be copied: every value costs at least one. */
  left: number
}

function copy(value: unknown, depth: number, walk: Walk): unknown {
  walk.left--
  if (typeof value === 'string') return copyText(value, walk)
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth === MAX_DEPTH) return '[too deep]'
  return Array.isArray(value) ? copyArray(value, depth, walk) : copyObject(value, depth, walk)
}

function copyArray(array: unknown[], depth: number, walk: Walk): unknown[] {
  const items: unknown[] = []
  for (const item of array) {
    if (walk.left <= 0) return [...items, CUT]
    items.push(copy(item, depth + 1, walk))
  }
  return items
}

function copyObject(object: object, depth: number, walk: Walk): Record<string, unknown> {
  // Without a prototype `__proto__` is a key like any other.
  const copied: Record<string, unknown> = Object.create(null)
  for (const key of Object.keys(object)) {
    const value: unknown = Reflect.get(object, key)
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol') continue
    if (walk.left <= 0) {
      copied[CUT] = CUT
      break
    }
    const long = key.length > MAX_KEY
    const name = long ? key.slice(0, MAX_KEY) + CUT : key
    walk.left -= name.length
    copied[name] = long || walk.secret.test(squash(key)) ? MASK : copy(value, depth + 1, walk)
  }
  return copied
}

function copyText(whole: string, walk: Walk): string {
  const room = Math.max(walk.left, 0)
  const text = whole.length <= room ? whole : whole.slice(0, room) + CUT
  walk.left -= text.length
  if (/^\s*[[{]/.test(text) && walk.secret.test(squash(text))) return MASK
  return text.includes('=') ? maskPairs(text, walk.secret) : text
}

/** `?token=abc`, `password=abc`: the pairs of a query string or a form, wherever they stand in a text. */
function maskPairs(text: string, secret: RegExp): string {
  return text.replace(/(^|[?&;\s])([^=?&#;\s]+)=[^&#;\s]*/g, (pair, before: string, name: string) =>
    secret.test(squash(decode(name))) ? `${before}${name}=${MASK}` : pair,
  )
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

const squash = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

const patterns = new WeakMap<readonly string[], RegExp>()

function secretPattern(extraKeys: readonly string[]): RegExp {
  let pattern = patterns.get(extraKeys)
  if (pattern === undefined) {
    // Squashed words are letters and digits only: nothing in them needs escaping.
    const words = [...SECRET_WORDS, ...extraKeys.map(squash)].filter((word) => word !== '')
    pattern = new RegExp(words.join('|'))
    patterns.set(extraKeys, pattern)
  }
  return pattern
}
