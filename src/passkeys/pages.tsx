// Serves the pages of passkeys: those that one has, the form to add one, and what the pages that take a password send.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { goOn } from '../account/pages/paths.ts'
import { deviceOf } from '../account/pages/sessions.tsx'
import { factory, found, requireRole, type AppContext, type LoggedInContext } from '../account/product.ts'
import { lastWayIn } from '../account/errors.ts'
import { ownLimit, secondStepLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { agentOf } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { Checkbox } from '../kit/pages/form.tsx'
import { formAction, formPage } from '../kit/pages/form-page.tsx'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { Assertion, Attestation } from '../kit/passkeys/schema.ts'
import { SCRIPT } from '../kit/passkeys/script.ts'
import { passkeyRefused } from '../kit/passkeys/webauthn.ts'
import { SECOND_ERRORS } from '../second-factors/challenge.ts'
import { lastFactor } from '../second-factors/changes.ts'
import { answerOnPage, requireMailbox } from '../second-factors/pages.tsx'
import { AskForPasskey, PASSKEYS } from './factor.tsx'
import { addPasskey, deletePasskey, listPasskeys, renamePasskey } from './passkeys.ts'
import { confirmByPasskey, logInByPasskey, PASSKEY } from './passkeys.ts'
import { ADD_ERRORS, LOGIN_ERRORS, passkeyLimit } from './routes.ts'
import { inForm, NewPasskey, OfPasskey, RenamePasskey } from './schema.ts'
import { dayOf } from '../kit/pages/duration.ts'

export const passkeyPages = factory
  .createApp()
  .get(
    '/account/factors/passkeys',
    doc('Shows my passkeys.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const own = await listPasskeys(c.var.db, c.var.session.userId)
      return showPage(
        c,
        'Your passkeys',
        <>
          <p>
            A passkey is kept by your device or your password manager, and signs you in without a password.
            With one, your password alone lets nobody in any more.
          </p>
          <dl class="record">
            {own.map(({ id, name, created, last_used, backed_up }) => (
              <Line
                name={dayOf(created)}
                note={[
                  last_used ? `used on ${dayOf(last_used)}` : 'never used',
                  !backed_up && ', on this device alone',
                ]}
                action={
                  <PostButton to={`${PASSKEYS}/delete`} id={id} label={`Delete ${name}`}>
                    Delete
                  </PostButton>
                }
              >
                <a href={`${PASSKEYS}/rename/${id}`} aria-label={`Rename ${name}`}>
                  {name}
                </a>
              </Line>
            ))}
          </dl>
          <a class="button" href={`${PASSKEYS}/new`}>
            Add a passkey
          </a>
        </>,
      )
    },
  )
  .get(
    '/passkeys.js',
    doc('Returns the script of the pages that ask for a passkey.', 'text/javascript'),
    (c) => c.body(SCRIPT, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )

formPage(passkeyPages, '/account/factors/passkeys/new', {
  guards: [requireRole('readonly'), requireFresh(), requireMailbox],
  title: 'A new passkey',
  summaries: ['Shows the form to add a passkey.', 'Adds it, and ends my other sessions.'],
  schema: NewPasskey.extend({ credential: inForm(Attestation) }),
  fields: () => ({ name: { label: 'Name', hint: () => 'Which device has it.' } }),
  values: async (c) => ({ name: deviceOf(agentOf(c)) }),
  button: 'Add it',
  limit: ownLimit,
  errors: ADD_ERRORS,
  above: () => <p>Your other devices will be signed out.</p>,
  below: (c) => <AskForPasskey c={c} data={{ options: '/api/me/factors/passkeys/options', make: 'yes' }} />,
  run: addPasskey,
  next: PASSKEYS,
  notice: 'Your passkey is added',
})

formPage(passkeyPages, '/account/factors/passkeys/rename/:id', {
  guards: [requireRole('readonly'), validate('param', OfPasskey)],
  title: 'The name of your passkey',
  summaries: ['Shows the form to rename a passkey.', 'Renames it.'],
  schema: RenamePasskey,
  fields: { name: { label: 'Name', hint: () => 'Which device has it.' } },
  values: findOwn,
  button: 'Rename it',
  run: async (c: LoggedInContext, { name }) => renamePasskey(c, (await findOwn(c)).id, name),
  next: PASSKEYS,
  notice: 'Your passkey has another name',
})

/** The one that the address names. @throws notFound */
async function findOwn(c: LoggedInContext) {
  const own = await listPasskeys(c.var.db, c.var.session.userId)
  return found(c, Promise.resolve(own.find(({ id }) => id === c.req.param('id'))))
}

formAction(passkeyPages, '/account/factors/passkeys/delete', {
  summary: 'Deletes one of my passkeys.',
  guards: [requireRole('readonly'), requireFresh()],
  schema: OfPasskey,
  limit: ownLimit,
  errors: [notFound, lastFactor, lastWayIn],
  run: (c: LoggedInContext, { id }) => deletePasskey(c, id),
  next: PASSKEYS,
  notice: 'That passkey is deleted. Remove it from your device as well',
})

const Sent = z.object({ credential: inForm(Assertion) })
const sent = { schema: Sent, limit: passkeyLimit, next: goOn }

formAction(passkeyPages, '/sign-in/passkey', {
  ...sent,
  summary: 'Signs in by a passkey, and leads to `next`.',
  schema: Sent.extend({ remember: Checkbox }),
  errors: LOGIN_ERRORS,
  run: logInByPasskey,
})

formAction(passkeyPages, '/second/passkey', {
  ...sent,
  summary: 'Takes a passkey as second factor, and leads to `next`.',
  limit: secondStepLimit,
  errors: SECOND_ERRORS,
  run: (c: AppContext, { credential: answer }) => answerOnPage(c, { name: PASSKEY, answer }),
})

formAction(passkeyPages, '/confirm/passkey', {
  ...sent,
  summary: 'Takes a passkey of mine, for what needs a fresh login, and leads to `next`.',
  guards: [requireRole('readonly')],
  errors: [passkeyRefused],
  run: confirmByPasskey,
})
