// Declares personal access tokens: what begins them, and how many an account has.
import { createAccessTokens } from '../kit/auth/access-tokens.ts'
import { tokenOpener } from '../kit/auth/token-session.ts'
import { roleOf, type Deps } from './product.ts'
import { findUser } from './queries.ts'
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
