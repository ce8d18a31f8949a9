// Keeps secrets and persons out of the log: copies input with the values of secret keys masked, cut to a size.

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
  'passkey',
  'totp',
  'recovery',
  'challenge',
  '^pass$',
  // Of a webhook's receiver it may be all that it takes to write there.
  '^url$',
  // What people are called.
  '^fname$',
  '^lname$',
  'firstname',
  'lastname',
  'fullname',
]

export const MASK = '***'
/** One shared list for callers without extra keys: patterns are cached by list. */
const NONE: readonly string[] = []
const CUT = '…(cut)'
const MAX_DEPTH = 20
/** A longer key is not a name: it is cut, and its value is treated as a secret. */
const MAX_KEY = 200

/**
 * Returns a copy that is safe to log: the values of secret keys are masked at any depth, also in query strings and
 * in JSON within strings. A key is secret if it contains a secret word or one of `extraKeys`, in any case and
 * punctuation. Beyond `maxChars` of content and 20 levels, a marker replaces the rest.
 */
export function redact(value: unknown, extraKeys = NONE, maxChars = 100_000): unknown {
  return copy(value, 0, { secret: secretPattern(extraKeys), left: maxChars })
}

/** Returns the redacted value as JSON of at most `maxChars` characters, which also bounds what it costs. */
export function summarize(value: unknown, extraKeys = NONE, maxChars = 1000): string {
  const text = JSON.stringify(redact(value, extraKeys, maxChars)) ?? ''
  return text.length <= maxChars ? text : text.slice(0, maxChars - CUT.length) + CUT
}

const MAX_EMAIL = 320
const EMAIL = /[\p{L}\p{N}._'+-]{1,254}(?:@|%40)(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}/giu

/** Masks each email in a text, whatever it stands in: an input, a statement, the answer of a mail server. */
export const maskEmails = (text: string): string =>
  text.includes('@') || text.includes('%40') ? text.replace(EMAIL, MASK) : text

/** The text, masked before it is cut: half an email would be none. */
export const cutMasked = (text: string, max: number): string =>
  maskEmails(text.slice(0, max + MAX_EMAIL)).slice(0, max)

/** True if the text mentions a secret word, or one of `extraKeys`. */
export function mentionsSecret(text: string, extraKeys = NONE): boolean {
  return secretPattern(extraKeys).test(squash(text))
}

interface Walk {
  secret: RegExp
  /** Characters left to copy; every value costs at least one. */
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
  // Without a prototype, `__proto__` is a key like any other.
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
  const text = whole.length <= room ? whole : cutMasked(whole, room) + CUT
  walk.left -= text.length
  if (/^\s*[[{]/.test(text) && walk.secret.test(squash(text))) return MASK
  return text.includes('=') ? maskPairs(text, walk.secret) : text
}

/** Masks pairs of a query string or a form anywhere in a text: `?token=abc`, `password=abc`. */
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
    // Squashed words are letters and digits only, so nothing needs escaping.
    const words = [...SECRET_WORDS, ...extraKeys.map(squash)].filter((word) => word !== '')
    pattern = new RegExp(words.join('|'))
    patterns.set(extraKeys, pattern)
  }
  return pattern
}
