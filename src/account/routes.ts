// Accounts over HTTP: signup, login, logout, me, and the list for superusers.
import { z } from 'zod'
import { sendWelcome } from '../tasks.ts'
import { doc } from '../web/doc.ts'
import { ApiError } from '../web/errors.ts'
import { factory } from '../web/factory.ts'
import { agentOf, endSession } from '../web/session.ts'
import { offsetOf, validate } from '../web/validate.ts'
import { requireRole } from './auth.ts'
import { beginSession, logIn } from './login.ts'
import { createUser, listUsers } from './queries.ts'
import { Login, Signup, UserAnswer, UserQuery } from './schema.ts'

export const account = factory
  .createApp()

  .post(
    '/signup',
    doc('Creates an account, logs it in and returns it.', UserAnswer, 201),
    validate('json', Signup),
    async (c) => {
      const { db, enqueue, passwords } = c.var
      const { fname, lname, password, remember, ...input } = c.req.valid('json')
      const user = await createUser(db, {
        ...input,
        first_name: fname,
        last_name: lname,
        password: await passwords.hash(password),
      })
      if (user === undefined) throw new ApiError(400, 'This email is taken')
      await enqueue(sendWelcome, { userId: user.id })
      await beginSession(c, user, remember)
      c.var.log.info('SIGNUP OK', { user: user.id, agent: agentOf(c) })
      return c.json(user, 201)
    },
  )

  .post(
    '/login',
    doc('Logs in with email and password and returns the account.', UserAnswer),
    validate('json', Login),
    async (c) => c.json(await logIn(c, c.req.valid('json')), 200),
  )

  .post(
    '/logout',
    doc('Logs out: the session is gone.', z.object({})),
    requireRole('readonly'),
    async (c) => {
      await endSession(c)
      return c.json({}, 200)
    },
  )

  .get(
    '/me',
    doc('Returns my account.', z.object({ me: UserAnswer })),
    requireRole('readonly'),
    async (c) => {
      return c.json({ me: await c.var.me() }, 200)
    },
  )

  .get(
    '/users',
    doc('Lists accounts, newest first.', z.array(UserAnswer)),
    requireRole('superuser'),
    validate('query', UserQuery),
    async (c) => {
      const { page, size, search } = c.req.valid('query')
      return c.json(await listUsers(c.var.db, { search, limit: size, offset: offsetOf(page, size) }), 200)
    },
  )
