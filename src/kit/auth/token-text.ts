// Makes the text of tokens at random, and their digests: 20 random bytes or more need no slow hash.
import { sha256 } from 'hono/utils/crypto'

/** Two hexadecimal digits for each byte. */
export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** As many random bytes, in hex. */
export const randomHex = (bytes: number): string => hexOf(crypto.getRandomValues(new Uint8Array(bytes)))

/** SHA-256, 64 hexadecimal digits. */
export const digestOf = async (text: string): Promise<string> => String(await sha256(text))
