// Serves passkeys over HTTP: to log in by one, to show again that it is me, and those that I have.
import { z } from 'zod'
import { invalidCredentials, lastWayIn } from '../account/errors.ts'
import { done, factory, found, requireRole, withToken } from '../account/product.ts'
import { LoginResponse, TokenResponse } from '../account/schema.ts'
import { askLimit, ownLimit, secondStepLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import type { RateLimit } from '../kit/http/quota.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { accountDisabled } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { CreationOptions, RequestOptions } from '../kit/passkeys/schema.ts'
import { passkeyRefused, requestOptions } from '../kit/passkeys/webauthn.ts'
import { lastFactor, mailboxProofRequired } from '../second-factors/changes.ts'
import { confirmByPasskey, logInByPasskey, toConfirm, toLogIn, tooManyPasskeys } from './passkeys.ts'
import { addPasskey, deletePasskey, listPasskeys, newPasskeyOptions, renamePasskey } from './passkeys.ts'
import { NewPasskey, OfPasskey, PasskeyLogin, PasskeyProof, RenamePasskey } from './schema.ts'
import { PasskeyResponse } from './table.ts'

export const LOGIN_ERRORS = [passkeyRefused, invalidCredentials, accountDisabled]
export const ADD_ERRORS = [mailboxProofRequired, passkeyRefused, tooManyPasskeys]

/** By address alone: nobody has said who they are. */
export const passkeyLimit: RateLimit = { ...secondStepLimit, name: 'passkey' }
const optionsLimit = askLimit('passkey-options')

export const passkeyRoutes = factory
  .createApp()
  .use('/login/passkey/*', noStore)

  .post(
    '/login/passkey/options',
    doc(
      'Returns what a browser asks for a passkey by, to log in without email and password.',
      RequestOptions,
    ),
    rateLimit(optionsLimit),
    async (c) => c.var.respond(await requestOptions(c.var, toLogIn)),
  )

  .post(
    '/login/passkey',
    doc(
      'Logs in by a passkey, which stands for password and second factor. Returns the account.',
      LoginResponse,
      { errors: LOGIN_ERRORS },
    ),
    validate('json', PasskeyLogin),
    rateLimit(passkeyLimit),
    async (c) => c.var.respond(await withToken(c, logInByPasskey(c, c.req.valid('json')))),
  )

  .post(
    '/reauthenticate/passkey/options',
    doc('Returns what a browser asks for a passkey by, to show that it is me.', RequestOptions),
    requireRole('readonly'),
    rateLimit(optionsLimit),
    async (c) => c.var.respond(await requestOptions(c.var, toConfirm(c))),
  )

  .post(
    '/reauthenticate/passkey',
    doc(
      'Takes a passkey of mine, for what needs a fresh login. The session goes on under a new id.',
      TokenResponse,
      { errors: [passkeyRefused] },
    ),
    requireRole('readonly'),
    validate('json', PasskeyProof),
    rateLimit(passkeyLimit),
    async (c) => c.var.respond(await withToken(c, done(confirmByPasskey(c, c.req.valid('json'))))),
  )

  .get(
    '/me/factors/passkeys',
    doc('Lists my passkeys, the oldest first.', z.array(PasskeyResponse)),
    requireRole('readonly'),
    async (c) => c.var.respond(await listPasskeys(c.var.db, c.var.session.userId)),
  )

  .post(
    '/me/factors/passkeys/options',
    doc('Returns what a browser makes a passkey by. Needs a recent login.', CreationOptions, {
      errors: [mailboxProofRequired],
    }),
    requireRole('readonly'),
    requireFresh(),
    rateLimit(optionsLimit),
    async (c) => c.var.respond(await newPasskeyOptions(c)),
  )

  .post(
    '/me/factors/passkeys',
    doc(
      'Adds a passkey that was made, and ends my other sessions. Needs a recent login.',
      PasskeyResponse.extend(TokenResponse.shape).meta({ id: 'NewPasskey' }),
      { status: 201, errors: ADD_ERRORS },
    ),
    requireRole('readonly'),
    requireFresh(),
    validate('json', NewPasskey),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await withToken(c, addPasskey(c, c.req.valid('json')))),
  )

  .patch(
    '/me/factors/passkeys/:id',
    doc('Renames one of my passkeys.', PasskeyResponse),
    requireRole('readonly'),
    validate('param', OfPasskey),
    validate('json', RenamePasskey),
    async (c) =>
      c.var.respond(await found(c, renamePasskey(c, c.req.valid('param').id, c.req.valid('json').name))),
  )

  .delete(
    '/me/factors/passkeys/:id',
    doc('Deletes one of my passkeys. Needs a recent login.', TokenResponse, {
      errors: [lastFactor, lastWayIn],
    }),
    requireRole('readonly'),
    requireFresh(),
    validate('param', OfPasskey),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await withToken(c, done(deletePasskey(c, c.req.valid('param').id)))),
  )
