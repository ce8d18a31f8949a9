// Its members over HTTP: they join, enter, leave, and see who they are.
import type { Context } from 'hono'
import { z } from 'zod'
import { accepted } from '../../../src/job-status/accepted.ts'
import { JobAnswer } from '../../../src/job-status/schema.ts'
import type { OperatorAccess } from '../../../src/operators/access.ts'
import { ApiError } from '../../../src/types/api-error.ts'
import { noStore } from '../../../src/web/caching.ts'
import { doc } from '../../../src/web/doc.ts'
import type { AnyContext, AppEnv } from '../../../src/web/env.ts'
import { cursorOf, paged, PAGE_LINKS, type Span } from '../../../src/web/paging.ts'
import type { RateLimit } from '../../../src/web/quota.ts'
import { rateLimit } from '../../../src/web/rate-limit.ts'
import { accountDisabled, endSession, startSession } from '../../../src/web/session.ts'
import { Page, PageSize, validate } from '../../../src/web/validate.ts'
import { factory, requireRole, type Product } from './product.ts'
import { addMember, findSecret, listMembers } from './queries.ts'
import { MemberAnswer, roles } from './table.ts'
import { greet } from './tasks.ts'

const Credentials = z.object({ email: z.string().min(1).max(254), password: z.string().min(1).max(200) })
const Entering = Credentials.extend({ remember: z.boolean().default(true) })
const Joining = Entering.extend({
  email: z.string().max(254).pipe(z.email()),
  password: z.string().min(6).max(200),
})

const enterLimit: RateLimit = {
  name: 'enter',
  quotas: ({ rateLimit: { address, seconds } }) => [
    { per: 'address', most: address, seconds, counts: 'failures', key: (c) => c.get('ip') },
  ],
}

async function enter(context: AnyContext, { email, password, remember }: z.output<typeof Entering>) {
  const c: Context<AppEnv<Product>> = context
  const found = await findSecret(c.var.db, email)
  const isRight = await c.var.passwords.verify(found?.secret ?? null, password, c.var.signal())
  if (found === undefined || !isRight) throw new ApiError(400, 'Nobody enters like that')
  if (roles.isBarred(found.member.role)) throw accountDisabled()
  await startSession(c, found.member, remember)
  return found.member
}

export const members = factory
  .createApp()
  .use('/self/*', noStore)

  .post('/join', doc('Joins.', MemberAnswer, 201), validate('json', Joining), async (c) => {
    const { email, password, remember } = c.req.valid('json')
    const secret = await c.var.passwords.hash(password, c.var.signal())
    const member = await c.var.db.transaction(async (tx) => {
      const added = await addMember(tx, { email, secret })
      if (added === undefined) throw new ApiError(400, 'A member has this email')
      await c.var.enqueue(tx, greet, { memberId: added.id })
      return added
    })
    await startSession(c, member, remember)
    return c.var.answer(member)
  })

  .post(
    '/enter',
    doc('Enters.', MemberAnswer),
    validate('json', Entering),
    rateLimit(enterLimit),
    async (c) => c.var.answer(await enter(c, c.req.valid('json'))),
  )

  .post('/leave', doc('Leaves.', z.object({})), requireRole('reader'), async (c) => {
    await endSession(c)
    return c.var.answer({})
  })

  .get('/self', doc('Returns who I am.', MemberAnswer), requireRole('reader'), async (c) =>
    c.var.answer(await c.var.me()),
  )

  .post('/self/greeting', doc('Greets me by a job.', JobAnswer, 202), requireRole('reader'), async (c) => {
    const { userId } = c.var.session
    const { id } = await c.var.enqueue(greet, { memberId: userId }, { by: userId })
    return accepted(c, id)
  })

  .get(
    '/members',
    doc('Lists members.', z.array(MemberAnswer), 200, PAGE_LINKS),
    requireRole('owner'),
    validate('query', z.object({ page: Page, limit: PageSize, cursor: cursorOf(z.string()) })),
    async (c) => {
      const { page, limit: size, cursor } = c.req.valid('query')
      const load = (span: Span<string>) => listMembers(c.var.db, span)
      return c.var.answer(await paged(c, { page, size, cursor }, load, ({ email }) => email))
    },
  )

export const operatorAccess: OperatorAccess<Product> = {
  requireRole,
  least: 'owner',
  lowest: 'reader',
  label: ({ email }) => email,
  signIn: {
    form: Credentials,
    limit: enterLimit,
    run: (c, credentials) => enter(c, { ...credentials, remember: false }),
  },
}
