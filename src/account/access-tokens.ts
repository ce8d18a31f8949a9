// Declares personal access tokens: what begins them, and how many an account has.
import type { Author } from '../kit/audit/record.ts'
import { createAccessTokens } from '../kit/auth/access-tokens.ts'
import { tokenOpener } from '../kit/auth/token-session.ts'
import { accountDisabled } from '../kit/http/session.ts'
import type { Db } from '../kit/types/db.ts'
import { recordEvent } from './audit.ts'
import { roleOf, type Deps } from './product.ts'
import { findUser } from './queries.ts'
import { roles } from './roles.ts'
import { accessTokens as table, users } from './table.ts'

export const accessTokens = createAccessTokens(table, {
  users,
  prefix: 'rbpat', // tell it those who scan for secrets; with another one the tokens of before end
  perAccount: 50,
  async roleOf({ config, db }: Pick<Deps, 'config' | 'db'>, userId) {
    const user = await findUser(db, userId)
    return user && roleOf(user, config)
  },
})

export const openToken = tokenOpener(accessTokens)

/**
 * Makes one for an account that may log in. Takes a transaction.
 * @throws tooManyTokens, accountDisabled
 */
export async function makeAccessToken(by: Author, tx: Db, input: Parameters<typeof accessTokens.create>[1]) {
  const made = await accessTokens.create(tx, input)
  // Asked behind the lock of `create`, which has waited for a change that was about to disable the account.
  const owner = await findUser(tx, input.userId)
  if (owner === undefined || roles.isBarred(owner.role)) throw accountDisabled()
  await recordEvent(by, tx, { action: 'token.made', account: input.userId, details: { token: made.id } })
  return made
}
