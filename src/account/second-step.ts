// Declares second factors as accounts see them: what each tells and checks, and the step that follows a password.
import type { Child } from 'hono/jsx'
import type { z } from 'zod'
import type { AnyContext } from '../kit/http/env.ts'
import type { Db } from '../kit/types/db.ts'
import type { Json } from '../kit/types/json.ts'

/** A factor that an account has: `totp`. */
export interface OwnFactor {
  name: string
  since: Date
}

/** What somebody gives for a factor of the account. */
export interface Given {
  userId: string
  /** Of the factor. */
  name: string
  answer: unknown
  /** Random, and known to this client alone: 64 hexadecimal digits. */
  challenge: string
}

/** A kind of second factor, or several that belong together. `manifest.ts` lists them. */
export interface Factor {
  /** By the name of each factor what an answer is: `{ totp: z.string() }`. The call that answers a challenge takes them as fields. */
  answers: Record<string, z.ZodType>
  /** Where its owner adds it, and what that is called. */
  page: { path: string; label: string }
  /** Those that the account has. One query: a login asks. */
  of(db: Db, userId: string): Promise<OwnFactor[]>
  /** What a client needs for its answer beside the challenge, if it needs more than a person knows. */
  optionsFor?(c: AnyContext, asked: Pick<Given, 'userId' | 'challenge'>): Promise<Json>
  /** Whether the answer is right; it counts once. */
  check(c: AnyContext, given: Given): Promise<boolean>
  /** The name of the factor for which somebody may have typed this; undefined for none. */
  nameOf?(typed: string): string | undefined
  /** What the page of the second step shows beside the field for a code. */
  prompt?(c: AnyContext, asked: Pick<Given, 'userId' | 'challenge'>): Promise<Child>
  /** Undoes a change, by what `changeFactors` was told of it. Takes a transaction. */
  undo(tx: Db, userId: string, change: Json): Promise<void>
  /** Takes a transaction. */
  removeAll(tx: Db, userId: string): Promise<void>
}

/** What a first proof that was right is to open: a session that its client keeps so, or a fresh one in place of its own. */
export type Aim = { remember: boolean; token?: boolean | undefined } | 'refresh'

/** What was proven first: `password`, or the `way` that a session begins with: `mail`. */
export interface FirstProof {
  userId: string
  /** Of the password, as the account has it now; null for none. With another one the proof is void. */
  hash: string | null
  /** Of the account. Where there is no password, the proof is void with another one: after a take-back. */
  email: string
  way: string
}

export interface SecondStep {
  readonly factors: readonly Factor[]
  /**
   * To be asked when a first proof was right, and before it opens anything. Returns where the account has no factor.
   * @throws secondFactorRequired, with the challenge that leads on
   */
  demand(c: AnyContext, proof: FirstProof, aim: Aim): Promise<void>
  factorsOf(db: Db, userId: string): Promise<OwnFactor[]>
  /** Undoes each change of factors since a moment. Takes a transaction, around which the sessions end. */
  undoSince(tx: Db, userId: string, since: Date): Promise<void>
  /** Voids the links that undo a change as well. Takes a transaction, around which the sessions end. */
  removeAll(tx: Db, userId: string): Promise<void>
}

/** The factors of an account; none where the product has none. */
export const factorsOf = async ({ secondStep }: { secondStep?: SecondStep }, db: Db, userId: string) =>
  (await secondStep?.factorsOf(db, userId)) ?? []

/** Whether a login was proven by two factors: the second one is named last, and a passkey alone has verified its user. */
export const hasFactor = (way: string): boolean => way.includes('+') || way === 'passkey'

/** What such a login was proven by before the factor. */
export const firstOf = (way: string): string => (way === 'passkey' ? 'password' : way.replace(/\+.*/, ''))
