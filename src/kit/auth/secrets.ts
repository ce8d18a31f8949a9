// Encrypts with AES-256-GCM, by the keys of SECRET_KEYS: the first encrypts, all decrypt.
import { decodeBase64Url, encodeBase64Url } from 'hono/utils/encode'
import { ConfigError } from '../types/config-error.ts'
import type { Secrets } from '../types/secrets.ts'

const KEY_BYTES = 32
const ID_BITS = 48
const IV_BYTES = 12
/** The id of a key, then the initialization vector and the ciphertext with its tag. */
const SEALED = /^([\w-]{8})\.([\w-]{38,})$/

const { subtle } = crypto
const utf8 = new TextEncoder()

/**
 * Creates the app's `Secrets`. A key is read and derived when it is first needed.
 * @param given SECRET_KEYS, or what makes the one key of development; undefined: production without any
 */
export function createSecrets(given: readonly string[] | (() => Promise<string>) | undefined): Secrets {
  let loading: Promise<Key[]> | undefined
  const keys = () => (loading ??= load())
  const first = async () => (await keys())[0] as Key
  async function load(): Promise<Key[]> {
    if (given === undefined) throw missing('what is stored encrypted')
    return Promise.all((typeof given === 'function' ? [await given()] : given).map(prepare))
  }

  return {
    async seal(purpose, owner, text) {
      const { id, of } = await first()
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const sealed = await subtle.encrypt(gcm(iv, purpose, owner), await of(purpose), utf8.encode(text))
      return `${id}.${base64url(iv, new Uint8Array(sealed))}`
    },

    async open(purpose, owner, sealed) {
      const [, id, packed = ''] = SEALED.exec(sealed) ?? []
      if (id === undefined) throw new Error(`${purpose}: this is no sealed text`)
      const key = (await keys()).find((each) => each.id === id)
      if (key === undefined)
        throw new Error(
          `${purpose}: sealed with the key ${id}, which SECRET_KEYS lacks: add it again, as the last`,
        )
      try {
        const bytes = decodeBase64Url(packed)
        const bound = gcm(bytes.slice(0, IV_BYTES), purpose, owner)
        return new TextDecoder().decode(
          await subtle.decrypt(bound, await key.of(purpose), bytes.slice(IV_BYTES)),
        )
      } catch {
        throw new Error(
          `${purpose}: this was changed, or sealed for another purpose or owner, and does not open`,
        )
      }
    },

    prefix: async () => `${(await first()).id}.`,

    requireKeys(feature) {
      if (given === undefined) throw missing(feature)
    },
  }
}

/** A new key for SECRET_KEYS. */
export const newSecretKey = (): string => base64url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))

const missing = (feature: string) =>
  new ConfigError(
    `SECRET_KEYS is not set, and ${feature} takes a key: \`npm run secrets -- key\` makes one. ` +
      'Set it for all processes, and keep a copy: what it has encrypted is lost without it',
  )

/** Purpose and owner are not stored but bound: what was sealed for one opens for no other. */
const gcm = (iv: Uint8Array<ArrayBuffer>, purpose: string, owner: string) => ({
  name: 'AES-GCM',
  iv,
  additionalData: utf8.encode(JSON.stringify([purpose, owner])),
})

type Key = Awaited<ReturnType<typeof prepare>>

/** The id of a key of SECRET_KEYS, and what derives from it the key of a purpose. */
async function prepare(key: string) {
  const root = await subtle.importKey('raw', decodeBase64Url(key), 'HKDF', false, ['deriveKey', 'deriveBits'])
  const hkdf = (info: string) => {
    return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8.encode(info) }
  }
  const aes = { name: 'AES-GCM', length: 8 * KEY_BYTES }
  return {
    id: base64url(new Uint8Array(await subtle.deriveBits(hkdf('id'), root, ID_BITS))),
    of: (purpose: string) =>
      subtle.deriveKey(hkdf(`purpose:${purpose}`), root, aes, false, ['encrypt', 'decrypt']),
  }
}

const base64url = (...parts: Uint8Array[]) =>
  encodeBase64Url(new Uint8Array(parts.flatMap((part) => [...part])).buffer).replaceAll('=', '')
