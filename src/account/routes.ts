// Serves accounts over HTTP: signup, login, logout, me, and the list for superusers.
import { z } from 'zod'
import { retryConflict } from '../kit/data/transient.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { paged, PAGE_LINKS, type Span } from '../kit/http/paging.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { agentOf, endSession, issuedToken } from '../kit/http/session.ts'
import { validate } from '../kit/http/validate.ts'
import { ApiError } from '../kit/types/api-error.ts'
import type { Db } from '../kit/types/db.ts'
import { sendWelcome } from '../tasks.ts'
import { beginSession, logIn } from './login.ts'
import { factory, requireRole } from './product.ts'
import { createUser, listUsers, type UserKey } from './queries.ts'
import { Login, LoginResponse, Signup, SignupResponse, UserQuery } from './schema.ts'
import { UserResponse } from './table.ts'
import { loginLimit, signupLimit } from './throttles.ts'

const emailTaken = () =>
  new ApiError(400, 'This email is taken', { issues: [{ path: 'email', message: 'is taken' }] })

export const account = factory
  .createApp()
  .use('/me/*', noStore)
  .use('/users/*', noStore)

  .post(
    '/signup',
    doc('Creates an account, logs it in and returns it.', SignupResponse, { status: 201 }),
    validate('json', Signup),
    rateLimit(signupLimit),
    async (c) => {
      const { db, enqueue, passwords } = c.var
      const { fname, lname, password, remember, token, ...input } = c.req.valid('json')
      const hash = await passwords.hash(password, c.var.signal())
      const row = { ...input, first_name: fname, last_name: lname, password: hash }
      // In one transaction: no account without its mail, no mail without an account.
      const signUp = async (tx: Db) => {
        const created = await createUser(tx, row)
        if (created === undefined) throw emailTaken()
        await enqueue(tx, sendWelcome, { userId: created.id })
        c.var.signal().throwIfAborted() // a client that got a timeout will try again
        return created
      }
      const user = await retryConflict(() => db.transaction(signUp))
      c.var.log.info('SIGNUP OK', { user: user.id, agent: agentOf(c) })
      try {
        await beginSession(c, user, remember, { token })
      } catch (error) {
        // Reported as a failure it would be retried, and then the email is taken.
        c.var.log.error('the account was created, but no session could be started', { user: user.id, error })
        return c.var.respond({ ...user, loggedIn: false as const })
      }
      return c.var.respond({ ...user, ...issuedToken(c) })
    },
  )

  .post(
    '/login',
    doc('Logs in with email and password and returns the account.', LoginResponse),
    validate('json', Login),
    rateLimit(loginLimit),
    async (c) => c.var.respond({ ...(await logIn(c, c.req.valid('json'))), ...issuedToken(c) }),
  )

  .post(
    '/logout',
    doc('Logs out and ends the session.', z.object({})),
    requireRole('readonly'),
    async (c) => {
      await endSession(c)
      return c.var.respond({})
    },
  )

  .get(
    '/me',
    doc('Returns my account.', z.object({ me: UserResponse })),
    requireRole('readonly'),
    async (c) => {
      return c.var.respond({ me: await c.var.me() })
    },
  )

  .get(
    '/users',
    doc('Lists accounts, newest first.', z.array(UserResponse), { headers: PAGE_LINKS }),
    requireRole('superuser'),
    validate('query', UserQuery),
    async (c) => {
      const { page, size, limit = size, cursor, search } = c.req.valid('query')
      const load = (span: Span<UserKey>) => listUsers(c.var.db, { search, ...span })
      const rows = await paged(c, { page, size: limit, cursor }, load, ({ at, id }) => [at, id])
      return c.var.respond(rows.map(({ at: _at, ...user }) => user))
    },
  )
