// Hashes passwords with argon2id, on threads of its own, a few at a time.
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { Gate } from '../data/gate.ts'
import type { Passwords } from '../types/passwords.ts'

// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const ARGON2ID = 2 // the package's enum exists only for the type checker
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Verified against if there is no account: the hash of a random text that nobody knows. */
const DUMMY_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$c+Kox3UUGv3Q9mJz2FUBbg$16NU2p3AXQTbFH0QvWmUQNPuk3wInjx4ocD+uPpy3oQ'

/** How long a hash takes on a slow or busy machine. */
const SLOW_HASH_MS = 100

/**
 * Creates the app's `Passwords`; the gate limits how many hashes run at once.
 * @param cost of new hashes: memory in KiB, passes, lanes
 */
export function createPasswords(gate: Gate, cost = COST): Passwords {
  const options = { algorithm: ARGON2ID, ...cost }
  const { memoryCost, timeCost, parallelism } = cost
  const current = `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`
  const throughGate = <T>(work: () => Promise<T>, signal?: AbortSignal) =>
    gate.run(work, signal && (() => signal.aborted))
  return {
    hash: (password, signal) => throughGate(() => hash(password, options), signal),
    needsRehash: (hashed) => !hashed.startsWith(current),
    async verify(hashed, password, signal) {
      const isRight = await throughGate(() => verify(hashed ?? DUMMY_HASH, password), signal)
      return hashed !== null && isRight
    },
  }
}

/**
 * Creates the gate before a process's hashes. Of the process's share of the cores one is left to its event loop, but one
 * hash at a time always runs. As many wait as can be served before a request's deadline.
 */
export function passwordGate(processes: number, requestTimeoutMs: number): Gate {
  const places = Math.max(1, Math.floor(availableParallelism() / Math.max(1, processes)) - 1)
  return new Gate({ places, queue: Math.ceil((places * requestTimeoutMs) / SLOW_HASH_MS) })
}
