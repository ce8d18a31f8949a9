// Serves accounts over HTTP: signup, login, logout, me, and the list for superusers.
import { z } from 'zod'
import { weakPassword } from '../kit/auth/password-rule.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { answerList, LIST, listQuery } from '../kit/http/list-query.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import { emailTaken, invalidCredentials, passwordChangeRequired } from './errors.ts'
import { logIn, logOut } from './login.ts'
import { done, factory, requireRole, withToken } from './product.ts'
import { editProfile } from './profile.ts'
import { EditProfile, Login, LoginResponse, MeResponse, Signup, SignupResponse } from './schema.ts'
import { requireSignup, signUp } from './sign-up.ts'
import { UserResponse } from './table.ts'
import { loginLimit, signupLimit } from './throttles.ts'
import { userList } from './user-list.ts'

export const account = factory
  .createApp()
  .use('/me/*', noStore)
  .use('/users/*', noStore)

  .post(
    '/signup',
    doc('Creates an account, logs it in and returns it. SIGNUP may close it.', SignupResponse, {
      status: 201,
      errors: [weakPassword, emailTaken],
    }),
    requireSignup('open'),
    validate('json', Signup),
    rateLimit(signupLimit),
    async (c) => c.var.respond(await withToken(c, signUp(c, c.req.valid('json')))),
  )

  .post(
    '/login',
    doc('Logs in with email and password and returns the account.', LoginResponse, {
      errors: [invalidCredentials, passwordChangeRequired, weakPassword],
    }),
    validate('json', Login),
    rateLimit(loginLimit),
    async (c) => c.var.respond(await withToken(c, logIn(c, c.req.valid('json')))),
  )

  .post('/logout', doc('Logs out and ends the session.', z.object({})), requireRole('readonly'), async (c) =>
    c.var.respond(await done(logOut(c))),
  )

  .get(
    '/me',
    doc('Returns my account.', MeResponse),
    requireRole('readonly', { ability: 'read' }),
    async (c) => c.var.respond({ me: await c.var.me(), impersonated_by: c.var.session.impersonator }),
  )

  .patch(
    '/me',
    doc('Changes my names and company; what is not named stays.', UserResponse),
    requireRole('readonly'),
    validate('json', EditProfile),
    async (c) => c.var.respond(await editProfile(c, c.req.valid('json'))),
  )

  .get(
    '/users',
    doc('Lists accounts, newest first.', z.array(UserResponse), LIST),
    requireRole('superuser'),
    validate('query', listQuery(userList)),
    async (c) => c.var.respond(await answerList(c, userList, c.var, c.req.valid('query'))),
  )
