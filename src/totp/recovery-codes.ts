// Makes recovery codes, for an owner who has lost the app: 120 random bits each, of which a digest is kept.
import { digestOf } from '../kit/auth/token-text.ts'

const CODES = 10
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789' // none that looks like another
const LENGTH = 24
const GROUP = 6

/** Ten, which are shown this once: `abcdef-ghijkm-npqrst-uvwxyz`. */
export async function makeRecoveryCodes() {
  const codes = Array.from({ length: CODES }, makeCode)
  return { codes, digests: await Promise.all(codes.map(digestOfCode)) }
}

function makeCode(): string {
  const random = crypto.getRandomValues(new Uint8Array(LENGTH))
  const letters = Array.from(random, (byte) => LETTERS.charAt(byte % LETTERS.length)).join('')
  return letters.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? ''
}

const plain = (typed: string) => typed.toLowerCase().replaceAll(/[^a-z\d]/g, '')

/** Whether somebody may have typed one of them, with blanks or hyphens or without. */
export const isRecoveryCode = (typed: string): boolean => plain(typed).length === LENGTH

export const digestOfCode = (typed: string): Promise<string> => digestOf(plain(typed))
