// An authenticator in software: makes passkeys (ES256, no attestation) and signs, as told, also what no real one would.
import { createHash, randomBytes } from 'node:crypto'

export interface Lies {
  origin?: string
  rpId?: string
  challenge?: string
  /** Whether it has asked for a finger, a face or a PIN. */
  verifiesUser?: boolean
  counter?: number
  type?: string
  userHandle?: string | undefined
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest()
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

const PRESENT = 0x01
const VERIFIED = 0x04
const ATTESTED = 0x40

/** A passkey on a device; `counter` counts what it signed, 0 for ever on devices that do not count. */
export class Passkey {
  id = base64url(randomBytes(32))
  userHandle = ''

  private constructor(
    readonly keys: CryptoKeyPair,
    readonly origin: string,
    public counter: number,
  ) {}

  static async make(origin: string, counter = 1): Promise<Passkey> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    return new Passkey(keys, origin, counter)
  }

  /** One that has got hold of the key, and counts for itself. */
  copy(): Passkey {
    const { id, userHandle } = this
    return Object.assign(new Passkey(this.keys, this.origin, this.counter), { id, userHandle })
  }

  /** Answers creation options, as `toJSON()` of the browser does. */
  async register(options: { challenge: string; rp: { id: string }; user: { id: string } }, lies: Lies = {}) {
    this.userHandle = options.user.id
    const key = Buffer.from(await crypto.subtle.exportKey('raw', this.keys.publicKey))
    const cose = Buffer.concat([
      hex('a5010203262001215820'),
      key.subarray(1, 33),
      hex('225820'),
      key.subarray(33),
    ])
    const id = Buffer.from(this.id, 'base64url')
    const attested = Buffer.concat([Buffer.alloc(16), uint16(id.length), id, cose])
    const data = this.#data({ rpId: options.rp.id, ...lies }, attested)
    // A map of fmt, attStmt and authData, in CBOR.
    const object = [
      hex('a363666d74646e6f6e656761747453746d74a0686175746844617461'),
      hex('59'),
      uint16(data.length),
      data,
    ]
    return this.#answer({
      clientDataJSON: base64url(this.#client('webauthn.create', { challenge: options.challenge, ...lies })),
      attestationObject: base64url(Buffer.concat(object.map((part) => Buffer.from(part)))),
      transports: ['internal'],
    })
  }

  /** Answers request options, and counts. */
  async sign(options: { challenge: string; rpId: string }, lies: Lies = {}) {
    if (this.counter > 0) this.counter++
    const data = this.#data({ rpId: options.rpId, ...lies })
    const client = this.#client('webauthn.get', { challenge: options.challenge, ...lies })
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
    const signed = Buffer.concat([data, sha256(client)])
    const raw = Buffer.from(await crypto.subtle.sign(algorithm, this.keys.privateKey, signed))
    return this.#answer({
      clientDataJSON: base64url(client),
      authenticatorData: base64url(data),
      signature: base64url(der(raw)),
      userHandle: 'userHandle' in lies ? lies.userHandle : this.userHandle,
    })
  }

  #answer<T extends object>(response: T) {
    return { id: this.id, rawId: this.id, type: 'public-key', response, clientExtensionResults: {} }
  }

  #client(type: string, { challenge, origin = this.origin, ...lies }: Lies) {
    return Buffer.from(JSON.stringify({ type: lies.type ?? type, challenge, origin, crossOrigin: false }))
  }

  #data({ rpId = '', verifiesUser = true, counter = this.counter }: Lies, attested?: Uint8Array) {
    const head = Buffer.alloc(5)
    head[0] = PRESENT | (verifiesUser ? VERIFIED : 0) | (attested ? ATTESTED : 0)
    head.writeUInt32BE(counter, 1)
    return Buffer.concat([sha256(rpId), head, attested ?? new Uint8Array()])
  }
}

const hex = (text: string) => Buffer.from(text, 'hex')
const uint16 = (value: number) => Buffer.from([value >> 8, value & 0xff])

/** Web Crypto answers two numbers of 32 bytes; authenticators send them in DER. */
function der(raw: Buffer): Buffer {
  const number = (bytes: Buffer) => {
    const short = bytes.subarray(bytes.findIndex((byte) => byte !== 0))
    const value = (short[0] ?? 0) > 0x7f ? Buffer.concat([hex('00'), short]) : short
    return Buffer.concat([Buffer.from([0x02, value.length]), value])
  }
  const both = Buffer.concat([number(raw.subarray(0, 32)), number(raw.subarray(32))])
  return Buffer.concat([Buffer.from([0x30, both.length]), both])
}
