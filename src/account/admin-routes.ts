// Serves over HTTP what a superuser does with the accounts of others: see one, change it, end its sessions.
import { z } from 'zod'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { validate } from '../kit/http/validate.ts'
import { changeAccount, MANAGES } from './change-role.ts'
import { lastSuperuser, roleAboveOwn } from './errors.ts'
import { endSessionsOf, findAccount } from './manage.ts'
import { listSessions } from './own-sessions.ts'
import { factory, requireRole } from './product.ts'
import { findUser } from './queries.ts'
import { AccountResponse, ChangeAccount, OfAccount, SessionResponse } from './schema.ts'
import { UserResponse } from './table.ts'

export const admin = factory
  .createApp()

  .get(
    '/users/:id',
    doc('Returns an account, and how many sessions it has.', AccountResponse),
    requireRole(MANAGES),
    validate('param', OfAccount),
    async (c) => {
      const account = await findAccount(c.var, c.req.valid('param').id)
      if (account === undefined) throw notFound(c)
      return c.var.respond(account)
    },
  )

  .patch(
    '/users/:id',
    doc(
      'Changes the role, tags, names and company of an account; what is not named stays. Needs a recent login.',
      UserResponse,
      { errors: [lastSuperuser, roleAboveOwn] },
    ),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount),
    validate('json', ChangeAccount),
    async (c) => {
      const account = await changeAccount(c.var, c.req.valid('param').id, c.req.valid('json'), c)
      if (account === undefined) throw notFound(c)
      return c.var.respond(account)
    },
  )

  .get(
    '/users/:id/sessions',
    doc('Lists where an account is logged in, the latest first.', z.array(SessionResponse)),
    requireRole(MANAGES),
    validate('param', OfAccount),
    async (c) => {
      const { id } = c.req.valid('param')
      if ((await findUser(c.var.db, id)) === undefined) throw notFound(c)
      return c.var.respond(await listSessions(c, id))
    },
  )

  .delete(
    '/users/:id/sessions',
    doc('Ends all sessions of an account. Needs a recent login.', z.object({}), { errors: [roleAboveOwn] }),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount),
    async (c) => {
      const { id: userId } = c.req.valid('param')
      if (!(await endSessionsOf(c.var, { userId }, c))) throw notFound(c)
      return c.var.respond({})
    },
  )

  .delete(
    '/users/:id/sessions/:session',
    doc('Ends one session of an account. Needs a recent login.', z.object({}), { errors: [roleAboveOwn] }),
    requireRole(MANAGES),
    requireFresh(),
    validate('param', OfAccount.extend({ session: z.string() })),
    async (c) => {
      const { id: userId, session: id } = c.req.valid('param')
      if (!(await endSessionsOf(c.var, { userId, id }, c))) throw notFound(c)
      return c.var.respond({})
    },
  )
