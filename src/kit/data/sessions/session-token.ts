// Makes the tokens of sessions, and the digests under which Redis keeps what belongs to one.
import { hash, randomBytes } from 'node:crypto'

const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** A new token and its digest. */
export function createToken(): [token: string, digest: string] {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  return [token, hash('sha256', token)]
}

/** Undefined for what cannot be a token: it costs no round trip. */
export const digestOf = (token: string): string | undefined =>
  TOKEN.test(token) ? hash('sha256', token) : undefined

/** A session's id for its owner, made of its digest: whoever sees the id learns nothing of digest or token. */
export const idOfDigest = (digest: string): string => hash('sha256', `session ${digest}`).slice(0, 32)
