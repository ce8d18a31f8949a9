// Passwords: argon2id, hashed on threads of its own.
import { hash, verify } from '@node-rs/argon2'
import type { Passwords } from '../deps.ts'

// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const ARGON2ID = 2 // the package's enum exists for the type checker only
const OPTIONS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const CURRENT = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/

/** `Passwords` of the app. Nobody's hash is made at the first call, not at import. */
export function createPasswords(): Passwords {
  let nobody: Promise<string> | undefined
  return {
    hash: (password) => hash(password, OPTIONS),
    outdated: (hashed) => !CURRENT.test(hashed),
    async verify(hashed, password) {
      if (hashed !== null) return verify(hashed, password)
      nobody ??= hash(crypto.randomUUID(), OPTIONS)
      await verify(await nobody, password)
      return false
    },
  }
}
