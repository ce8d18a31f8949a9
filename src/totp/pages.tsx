// Serves the pages of codes by an app: add it by a picture, see the recovery codes once, renew them, remove it.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import { z } from 'zod'
import { FACTORS } from '../account/pages/paths.ts'
import { factory, requireRole, type LoggedInContext } from '../account/product.ts'
import { SixDigits } from '../account/schema.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { formAction, formPage } from '../kit/pages/form-page.tsx'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { wrongFactor } from '../second-factors/challenge.ts'
import { lastFactor, mailboxProofRequired } from '../second-factors/changes.ts'
import { requireMailbox } from '../second-factors/pages.tsx'
import {
  beginTotp,
  confirmTotp,
  factorClosed,
  factorExists,
  noSuchFactor,
  removeTotp,
  renewRecoveryCodes,
} from './enrol.ts'
import { findTotp } from './totp.ts'
import { dayOf } from '../kit/pages/duration.ts'

const PAGE = `${FACTORS}/totp`
const guards = [requireRole('readonly'), requireFresh()]

export const totpPages = factory
  .createApp()
  .get(
    '/account/factors/totp',
    doc('Shows whether I have an app as my second factor.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const own = await findTotp(c.var.db, c.var.session.userId)
      if (own === undefined)
        return showPage(
          c,
          'Your app',
          <>
            <p>An app for codes shows another one every half minute. You have not set one up yet.</p>
            <a class="button" href={`${PAGE}/new`}>
              Set it up
            </a>
          </>,
        )
      return showPage(
        c,
        'Your app',
        <>
          <p>A login asks for the code that it shows. Without it a recovery code counts, once each.</p>
          <dl class="record">
            <Line name="Since">{dayOf(own.created)}</Line>
            <Line
              name="Recovery"
              action={<PostButton to={`${PAGE}/renew`}>Make ten others</PostButton>}
            >{`${own.recovery_codes.length} codes left`}</Line>
          </dl>
          <PostButton to={`${PAGE}/remove`} class="danger">
            Remove the app
          </PostButton>
        </>,
      )
    },
  )

const showCodes = (c: AnyContext, codes: string[]) =>
  showPage(
    c,
    'Your recovery codes',
    <>
      <p>
        Write them down or print them now: they are shown this once. Each counts once, where you cannot use
        your app.
      </p>
      <pre>{codes.join('\n')}</pre>
      <a href={FACTORS}>I have them</a>
    </>,
  )

formPage(totpPages, '/account/factors/totp/new', {
  guards: [...guards, requireMailbox],
  title: 'Set up an app',
  summaries: ['Shows the picture for the app, and the form for its first code.', 'Adds the app.'],
  schema: z.object({ one_time_password: SixDigits }),
  fields: {
    one_time_password: { label: 'The code that the app shows', autocomplete: 'one-time-code' },
  },
  button: 'Add the app',
  limit: ownLimit,
  errors: [mailboxProofRequired, factorExists, factorClosed, wrongFactor],
  above: (c: LoggedInContext) => <Seed c={c} />,
  answersPage: true,
  run: (c: LoggedInContext, { one_time_password: totp }) => confirmTotp(c, { totp }),
  next: showCodes,
})

async function Seed({ c }: { c: LoggedInContext }) {
  const { qr, secret, uri } = await beginTotp(c)
  return (
    <>
      <p>Let an app for codes take this picture, such as Google Authenticator or your password manager.</p>
      <div class="picture">{raw(qr)}</div>
      <p>
        On this device: <a href={uri}>open the app</a>. By hand: <code>{secret}</code>
      </p>
    </>
  )
}

formAction(totpPages, '/account/factors/totp/renew', {
  summary: 'Makes ten recovery codes, and shows them this once.',
  guards,
  limit: ownLimit,
  errors: [noSuchFactor],
  answersPage: true,
  run: (c: LoggedInContext) => renewRecoveryCodes(c),
  next: showCodes,
})

formAction(totpPages, '/account/factors/totp/remove', {
  summary: 'Removes the app, and the recovery codes.',
  guards,
  limit: ownLimit,
  errors: [noSuchFactor, lastFactor],
  run: (c: LoggedInContext) => removeTotp(c),
  next: FACTORS,
  notice: 'The app is removed',
})
