// Serves codes by an app, as calls and as pages: add by a picture, see the recovery codes once, renew them, remove.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import { z } from 'zod'
import { FACTORS } from '../account/pages/paths.ts'
import { done, factory, type LoggedInContext, requireRole, withToken } from '../account/product.ts'
import { SixDigits, TokenResponse } from '../account/schema.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { dayOf } from '../kit/pages/duration.ts'
import { formAction, formPage } from '../kit/pages/form-page.tsx'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { wrongFactor } from '../second-factors/challenge.ts'
import { lastFactor, mailboxProofRequired } from '../second-factors/changes.ts'
import { requireMailbox } from '../second-factors/pages.tsx'
import { beginTotp, confirmTotp, removeTotp, renewRecoveryCodes } from './enrol.ts'
import { factorClosed, factorExists, noSuchFactor } from './enrol.ts'
import { findTotp } from './totp.ts'

const Seed = z.object({
  secret: z.string().describe('For an app that takes no picture.'),
  uri: z.string().describe('What the picture says: `otpauth://totp/...`.'),
  qr: z.string().describe('The picture, as SVG.'),
})

const RecoveryCodes = TokenResponse.extend({
  recovery_codes: z.array(z.string()).describe('Shown this once; each counts once instead of a code.'),
})

const ADD_ERRORS = [mailboxProofRequired, factorExists]
const REMOVE_ERRORS = [noSuchFactor, lastFactor]

export const totpRoutes = factory
  .createApp()

  .post(
    '/me/factors/totp',
    doc('Begins to add an app as my second factor. Needs a recent login.', Seed, {
      errors: [...ADD_ERRORS, factorClosed],
    }),
    requireRole('readonly'),
    requireFresh(),
    async (c) => c.var.respond(await beginTotp(c)),
  )

  .post(
    '/me/factors/totp/confirm',
    doc('Adds it by a code that the app shows; a login takes one from then on.', RecoveryCodes, {
      errors: [...ADD_ERRORS, wrongFactor],
    }),
    requireRole('readonly'),
    requireFresh(),
    validate('json', z.object({ totp: SixDigits })),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await withToken(c, confirmTotp(c, c.req.valid('json').totp))),
  )

  .post(
    '/me/factors/totp/recovery-codes',
    doc('Makes ten recovery codes; those of before end. Needs a recent login.', RecoveryCodes, {
      errors: [noSuchFactor],
    }),
    requireRole('readonly'),
    requireFresh(),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await renewRecoveryCodes(c)),
  )

  .delete(
    '/me/factors/totp',
    doc('Removes the app, and the recovery codes. Needs a recent login.', TokenResponse, {
      errors: REMOVE_ERRORS,
    }),
    requireRole('readonly'),
    requireFresh(),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await withToken(c, done(removeTotp(c)))),
  )

const PAGE = `${FACTORS}/totp`
const own = { guards: [requireRole('readonly'), requireFresh()], limit: ownLimit }

export const totpPages = factory
  .createApp()
  .get(
    '/account/factors/totp',
    doc('Shows whether I have an app as my second factor.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const totp = await findTotp(c.var.db, c.var.session.userId)
      return showPage(
        c,
        'Your app',
        totp === undefined ? (
          <>
            <p>An app for codes shows another one every half minute. You have not set one up yet.</p>
            <a class="button" href={`${PAGE}/new`}>
              Set it up
            </a>
          </>
        ) : (
          <>
            <p>A login asks for the code that it shows. Without it a recovery code counts, once each.</p>
            <dl class="record">
              <Line name="Since">{dayOf(totp.created)}</Line>
              <Line
                name="Recovery"
                action={<PostButton to={`${PAGE}/renew`}>Make ten others</PostButton>}
              >{`${totp.recovery_codes.length} codes left`}</Line>
            </dl>
            <PostButton to={`${PAGE}/remove`} class="danger">
              Remove the app
            </PostButton>
          </>
        ),
      )
    },
  )

const showCodes = (c: AnyContext, { recovery_codes }: { recovery_codes: string[] }) =>
  showPage(
    c,
    'Your recovery codes',
    <>
      <p>
        Write them down or print them now: they are shown this once. Each counts once, where you cannot use
        your app.
      </p>
      <pre>{recovery_codes.join('\n')}</pre>
      <a href={FACTORS}>I have them</a>
    </>,
  )

formPage(totpPages, '/account/factors/totp/new', {
  ...own,
  guards: [...own.guards, requireMailbox],
  title: 'Set up an app',
  summaries: ['Shows the picture for the app, and the form for its first code.', 'Adds the app.'],
  schema: z.object({ one_time_password: SixDigits }),
  fields: {
    one_time_password: { label: 'The code that the app shows', autocomplete: 'one-time-code' },
  },
  button: 'Add the app',
  errors: [...ADD_ERRORS, factorClosed, wrongFactor],
  above: (c: LoggedInContext) => <Picture c={c} />,
  answersPage: true,
  run: (c: LoggedInContext, { one_time_password: code }) => confirmTotp(c, code),
  next: showCodes,
})

async function Picture({ c }: { c: LoggedInContext }) {
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
  ...own,
  summary: 'Makes ten recovery codes, and shows them this once.',
  errors: [noSuchFactor],
  answersPage: true,
  run: renewRecoveryCodes,
  next: showCodes,
})

formAction(totpPages, '/account/factors/totp/remove', {
  ...own,
  summary: 'Removes the app, and the recovery codes.',
  errors: REMOVE_ERRORS,
  run: removeTotp,
  next: FACTORS,
  notice: 'The app is removed',
})
