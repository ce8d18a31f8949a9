// Makes passkeys a second factor and a way in, and offers them on pages.
/** @jsxImportSource hono/jsx */
import { max } from 'drizzle-orm'
import { CONFIRM, FACTORS, goOn, PAGES, SIGN_IN } from '../account/pages/paths.ts'
import type { AppContext } from '../account/product.ts'
import type { Factor, Given } from '../account/second-step.ts'
import type { WayIn } from '../account/ways-in.ts'
import { digestOf } from '../kit/auth/token-text.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { widenPolicy } from '../kit/http/security-headers.ts'
import { withNext } from '../kit/pages/next.ts'
import { Assertion } from '../kit/passkeys/schema.ts'
import { passkeyRefused, requestOptions } from '../kit/passkeys/webauthn.ts'
import { isOfKind } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { type Change, ofAccount, PASSKEY, undoChange, usePasskey } from './passkeys.ts'
import { passkeys } from './table.ts'

export const PASSKEYS = `${FACTORS}/passkeys`
/** Below the page that takes the password, or the code of another factor, whose form it is sent by. */
const bySecond = `${PAGES}/second/passkey`

type Asked = Pick<Given, 'userId' | 'challenge'>

/** WebAuthn's challenge is a digest of the login's: what the page shows of that opens nothing. */
const ceremonyOf = async ({ userId, challenge }: Asked) => ({
  purpose: 'second',
  userId,
  challenge: await digestOf(challenge),
})

async function optionsFor(c: AppContext, asked: Asked) {
  const own = await c.var.db.select().from(passkeys).where(ofAccount(asked.userId))
  return requestOptions(c.var, await ceremonyOf(asked), own)
}

export const passkeyFactor: Factor = {
  answers: { [PASSKEY]: Assertion },
  page: { path: PASSKEYS, label: 'Passkeys' },

  async of(db, userId) {
    const latest = { since: max(passkeys.created) } // which of them has logged in nobody can tell later on
    const [own] = await db.select(latest).from(passkeys).where(ofAccount(userId))
    return own?.since ? [{ name: PASSKEY, since: own.since }] : []
  },

  optionsFor,

  async check(c: AppContext, { answer, ...asked }) {
    try {
      await usePasskey(c, await ceremonyOf(asked), Assertion.parse(answer), { verifiesUser: false })
      return true
    } catch (error) {
      if (isOfKind(error, passkeyRefused)) return false
      throw error
    }
  },

  async prompt(c: AppContext, asked) {
    const given = await optionsFor(c, asked)
    if (given.allowCredentials.length === 0) return undefined
    const to = withNext(bySecond, goOn(c))
    return <AskForPasskey c={c} data={{ given: JSON.stringify(given), to }} />
  },

  undo: (tx, userId, change) => undoChange(tx, userId, change as Change),
  removeAll: async (tx, userId) => void (await tx.delete(passkeys).where(ofAccount(userId))),
}

const hasPasskey = async (db: Db, userId: string) => (await db.$count(passkeys, ofAccount(userId))) > 0

/** Nobody signs up by one. */
export const passkeyWayIn: WayIn = {
  opens: hasPasskey,

  async offer(c, page) {
    const { db, session } = (c as AppContext).var
    const isSignIn = page === 'sign-in'
    if (!isSignIn && !(page === 'confirm' && session && (await hasPasskey(db, session.userId))))
      return undefined
    const options = `/api/${isSignIn ? 'login' : 'reauthenticate'}/passkey/options`
    const to = withNext(`${isSignIn ? SIGN_IN : CONFIRM}/passkey`, goOn(c))
    return <AskForPasskey c={c} data={{ options, to, offer: isSignIn ? 'email' : undefined }} />
  },
}

interface AskProps {
  c: AnyContext
  /** What `kit/passkeys/script.ts` reads. */
  data: Partial<Record<'options' | 'given' | 'to' | 'make' | 'offer', string | undefined>>
}

/** A button that asks for a passkey, or nothing to see where the form makes one; without script it is hidden. */
export function AskForPasskey({ c, data }: AskProps) {
  widenPolicy(c, { 'script-src': "'self'", 'connect-src': "'self'" })
  const attributes = Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value]))
  return (
    <>
      <button type="button" hidden data-passkey {...attributes}>
        {data.make ? '' : 'Use a passkey'}
      </button>
      <script src={`${PAGES}/passkeys.js`} defer />
    </>
  )
}
