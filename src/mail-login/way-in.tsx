// Offers a mailed code on the pages to sign in and to confirm.
/** @jsxImportSource hono/jsx */
import { CONFIRM, goOn, SIGN_IN } from '../account/pages/paths.ts'
import type { AppContext } from '../account/product.ts'
import { isPasswordSet } from '../account/queries.ts'
import type { WayIn } from '../account/ways-in.ts'
import { withNext } from '../kit/pages/next.ts'
import { PostButton } from '../kit/pages/record.tsx'

export const BY_SIGN_IN = `${SIGN_IN}/mail`
const BY_CONFIRM = `${CONFIRM}/mail`

export const mailLogin: WayIn = {
  asksFactorAt: ['/api/login/mail', '/api/reauthenticate/mail', BY_SIGN_IN, BY_CONFIRM].map(
    (ask) => `${ask}/code`,
  ),
  async offer(c, page) {
    const { config, db, session } = (c as AppContext).var
    if (page === 'sign-in' && config.mailLogin)
      return (
        <p>
          <a class="button" href={withNext(BY_SIGN_IN, goOn(c))}>
            Mail me a code
          </a>
        </p>
      )
    if (page !== 'confirm' || (await isPasswordSet(db, session?.userId ?? ''))) return undefined
    return <PostButton to={withNext(BY_CONFIRM, goOn(c))}>Mail me a code</PostButton>
  },
}
