// Passwords: argon2id, hashed on threads of its own, few at a time.
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { Gate } from '../data/gate.ts'
import type { Passwords } from '../types/passwords.ts'

// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const ARGON2ID = 2 // the package's enum exists for the type checker only
const OPTIONS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const CURRENT = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/

/** What is hashed against where there is no account: of a random text that nobody has kept. */
const NOBODY =
  '$argon2id$v=19$m=19456,t=2,p=1$c+Kox3UUGv3Q9mJz2FUBbg$16NU2p3AXQTbFH0QvWmUQNPuk3wInjx4ocD+uPpy3oQ'

/** What a hash takes on a slow machine, or on one that does much else, ms. */
const SLOW_HASH_MS = 100

/** `Passwords` of the app. */
export function createPasswords(gate: Gate): Passwords {
  const inTurn = <T>(work: () => Promise<T>, signal?: AbortSignal) =>
    gate.run(work, signal && (() => signal.aborted))
  return {
    hash: (password, signal) => inTurn(() => hash(password, OPTIONS), signal),
    outdated: (hashed) => !CURRENT.test(hashed),
    async verify(hashed, password, signal) {
      const isRight = await inTurn(() => verify(hashed ?? NOBODY, password), signal)
      return hashed !== null && isRight
    },
  }
}

/**
 * The gate before a process's hashes. Of the cores that are its share one is for its event loop, and there is always
 * one hash at a time. As many wait as can be served before a request's deadline.
 */
export function passwordGate(processes: number, requestTimeoutMs: number): Gate {
  const places = Math.max(1, Math.floor(availableParallelism() / Math.max(1, processes)) - 1)
  return new Gate({ places, queue: Math.ceil((places * requestTimeoutMs) / SLOW_HASH_MS) })
}
