// Makes and checks the text of a personal access token: a prefix and a checksum, by which it is found where it does not belong.
import { digestOf, randomHex } from './token-text.ts'

const RANDOM_BYTES = 20
const CHECKSUM_DIGITS = 8
const DIGITS = /^[0-9a-f]{48}$/

/**
 * `prefix_` and 48 hexadecimal digits, the last eight of them the beginning of the SHA-256 of what stands before: scanners
 * for secrets can tell a token from a text that looks like one.
 */
export async function makeToken(prefix: string): Promise<{ token: string; digest: string }> {
  const body = `${prefix}_${randomHex(RANDOM_BYTES)}`
  const token = body + (await checksumOf(body))
  return { token, digest: await digestOf(token) }
}

/** True for a text that looks like a token. */
export const isWellFormed = (token: string, prefix: string): boolean =>
  token.startsWith(`${prefix}_`) && DIGITS.test(token.slice(prefix.length + 1))

/** False for what never was a token, such as one with a typing error. */
export const hasChecksum = async (token: string): Promise<boolean> =>
  token.endsWith(await checksumOf(token.slice(0, -CHECKSUM_DIGITS)))

const checksumOf = async (body: string) => (await digestOf(body)).slice(0, CHECKSUM_DIGITS)
