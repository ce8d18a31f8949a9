// Makes the second step of the factors that a product has.
import { tokens } from '../account/one-time-tokens.ts'
import type { AppContext } from '../account/product.ts'
import type { Factor, SecondStep } from '../account/second-step.ts'
import { issueChallenge } from './challenge.ts'
import { undoSince } from './changes.ts'

/** For `manifest.ts`. */
export function secondStep(factors: readonly Factor[]): SecondStep {
  const factorsOf: SecondStep['factorsOf'] = async (db, userId) =>
    (await Promise.all(factors.map((factor) => factor.of(db, userId)))).flat()
  return {
    factors,
    factorsOf,
    async demand(c: AppContext, proof, aim) {
      const own = await factorsOf(c.var.db, proof.userId)
      if (own.length > 0) await issueChallenge(c, proof, aim, own)
    },
    async undoSince(tx, userId, since) {
      await undoSince(factors, tx, userId, since)
    },
    async removeAll(tx, userId) {
      for (const factor of factors) await factor.removeAll(tx, userId)
      await tokens.revoke(tx, userId, { only: ['factor_undo'] }) // or a mail of before brings one back that its owner has lost
    },
  }
}
