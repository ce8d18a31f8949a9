// Passwords where no native code runs: argon2id as WebAssembly, with hashes that every other runtime takes, and back.
import Argon2, { Argon2Type, Argon2Version } from '@phi-ag/argon2'
import wasm from '@phi-ag/argon2/argon2.wasm'
import type { Passwords } from '../../../../src/kit/types/passwords.ts'

const OPTIONS = {
  type: Argon2Type.Argon2id,
  version: Argon2Version.Version13,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  hashLength: 32,
}
const CURRENT = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/

/** `Passwords` of the app. It computes on the event loop: where workerd runs, an isolate serves few requests at once. */
export function createWasmPasswords(): Passwords {
  let loaded: Promise<Argon2> | undefined
  let nobody: string | undefined
  const load = () => (loaded ??= WebAssembly.instantiate(wasm).then((instance) => new Argon2(instance)))
  return {
    hash: async (password) => (await load()).hash(password, OPTIONS).encoded,
    needsRehash: (hashed) => !CURRENT.test(hashed),
    async verify(hashed, password) {
      const argon2 = await load()
      nobody ??= argon2.hash(crypto.randomUUID(), OPTIONS).encoded
      return argon2.tryVerify(hashed ?? nobody, password).success && hashed !== null
    },
  }
}
