// Makes the text of tokens at random, and their digests: 20 random bytes or more need no slow hash.
import { sha256 } from 'hono/utils/crypto'

/** As many random bytes, two hexadecimal digits each. */
export const randomHex = (bytes: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')

/** SHA-256, 64 hexadecimal digits. */
export const digestOf = async (text: string): Promise<string> => String(await sha256(text))
