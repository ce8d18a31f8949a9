// Its members over HTTP: they join, enter, leave, and see who they are.
import type { Context } from 'hono'
import { z } from 'zod'
import { defineError } from '../../../src/kit/types/api-error.ts'
import { noStore } from '../../../src/kit/http/caching.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import type { AnyContext, AppEnv } from '../../../src/kit/http/env.ts'
import { answerList, LIST, listQuery } from '../../../src/kit/http/list-query.ts'
import type { RateLimit } from '../../../src/kit/http/quota.ts'
import { rateLimit } from '../../../src/kit/http/rate-limit.ts'
import {
  accountDisabled,
  endSession,
  issuedToken,
  refreshSession,
  startSession,
} from '../../../src/kit/http/session.ts'
import { validate } from '../../../src/kit/http/validate.ts'
import { factory, requireRole, type Product } from './product.ts'
import { addMember, findSecret, memberList } from './queries.ts'
import { MemberResponse, roles } from './table.ts'
import { greet } from './tasks.ts'

export const Credentials = z.object({
  email: z.string().min(1, 'must not be empty').max(254),
  password: z.string().min(1, 'must not be empty').max(200),
})
const Entering = Credentials.extend({
  remember: z.boolean().default(true).describe('False: until the browser ends.'),
  token: z.boolean().default(false),
})
const EnteredMember = MemberResponse.extend({ token: z.string().optional() }).meta({ id: 'EnteredMember' })
const Joining = Entering.extend({
  email: z.string().max(254, { abort: true }).check(z.email()),
  password: z.string().min(6).max(200),
})

export const enterLimit: RateLimit = {
  name: 'enter',
  quotas: ({ rateLimit: { account, address, seconds } }) => [
    { per: 'member', limit: account, seconds, counts: 'failures in a row', key: emailOf },
    { per: 'address', limit: address, seconds, counts: 'failures', key: (c) => c.get('ip') },
  ],
}

/** What a validator has passed, of JSON or of a form. */
const emailOf = (c: AnyContext) =>
  ((c.req.valid('json' as never) ?? c.req.valid('form' as never)) as { email: string }).email

export const nobody = defineError(400, 'invalid_credentials', 'Nobody enters like that')
const emailTaken = defineError(400, 'email_taken', 'A member has this email')

export async function enter(
  context: AnyContext,
  { email, password, remember, token }: Omit<z.output<typeof Entering>, 'token'> & { token?: boolean },
) {
  const c: Context<AppEnv<Product>> = context
  const found = await findSecret(c.var.db, email)
  const isRight = await c.var.passwords.verify(found?.secret ?? null, password, c.var.signal())
  if (found === undefined || !isRight) throw nobody()
  if (roles.isBarred(found.member.role)) throw accountDisabled()
  await startSession(c, found.member, remember, { token, way: 'password' })
  return { ...found.member, ...issuedToken(c) }
}

export const members = factory
  .createApp()
  .use('/self/*', noStore)

  .post(
    '/join',
    doc('Joins.', EnteredMember, { status: 201, errors: [emailTaken] }),
    validate('json', Joining),
    async (c) => {
      const { email, password, remember, token } = c.req.valid('json')
      const secret = await c.var.passwords.hash(password, c.var.signal())
      const member = await c.var.db.transaction(async (tx) => {
        const added = await addMember(tx, { email, secret })
        if (added === undefined) throw emailTaken()
        await c.var.enqueue(tx, greet, { memberId: added.id })
        return added
      })
      await startSession(c, member, remember, { token, way: 'password' })
      return c.var.respond({ ...member, ...issuedToken(c) })
    },
  )

  .post(
    '/enter',
    doc('Enters.', EnteredMember, { errors: [nobody] }),
    validate('json', Entering),
    rateLimit(enterLimit),
    async (c) => c.var.respond(await enter(c, c.req.valid('json'))),
  )

  .post('/leave', doc('Leaves.', z.object({})), requireRole('reader'), async (c) => {
    await endSession(c)
    return c.var.respond({})
  })

  .post(
    '/prove',
    doc('Proves who I am.', z.object({ token: z.string().optional() })),
    requireRole('reader'),
    async (c) => {
      await refreshSession(c)
      return c.var.respond(issuedToken(c))
    },
  )

  .get('/self', doc('Returns who I am.', MemberResponse), requireRole('reader'), async (c) =>
    c.var.respond(await c.var.me()),
  )

  .get(
    '/members',
    doc('Lists members.', z.array(MemberResponse), LIST),
    requireRole('owner'),
    validate('query', listQuery(memberList)),
    async (c) => c.var.respond(await answerList(c, memberList, c.var, c.req.valid('query'))),
  )
