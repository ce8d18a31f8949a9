// Serves the pages on which superusers find accounts, change them and sign them out.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { listActivity } from '../../kit/audit/events.ts'
import { requireFresh } from '../../kit/auth/guards.ts'
import { noStore } from '../../kit/http/caching.ts'
import { doc } from '../../kit/http/doc.ts'
import type { AnyContext } from '../../kit/http/env.ts'
import { notFound } from '../../kit/http/errors.ts'
import { nextPageOf, paged, type Span } from '../../kit/http/paging.ts'
import { validate } from '../../kit/http/validate.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { leaveNotice, takeNotice } from '../../kit/pages/notice.ts'
import { ShellPage } from '../../kit/pages/shell-page.tsx'
import { changeAccount, MANAGES } from '../change-role.ts'
import { lastSuperuser, roleAboveOwn } from '../errors.ts'
import { endSessionsOf, findAccount } from '../manage.ts'
import { listSessions } from '../own-sessions.ts'
import { minuteOf } from '../mails.ts'
import { factory, requireRole, type LoggedInContext } from '../product.ts'
import { roles } from '../roles.ts'
import { ChangeAccount, OfAccount, UserQuery } from '../schema.ts'
import { listUsers, type UserKey } from '../user-list.ts'
import { Fact } from './account.tsx'
import { EventList } from './activity.tsx'
import { IMPERSONATE, INVITE, USERS } from './paths.ts'
import { DeviceList } from './sessions.tsx'

const PAGE_SIZE = 50
/** The latest. */
const EVENTS = 10

const guards = [requireRole(MANAGES), requireFresh(), validate('param', OfAccount)]
const errors = [roleAboveOwn, lastSuperuser]

const idOf = (c: AnyContext): string => (c.req.valid('param' as never) as z.output<typeof OfAccount>).id
const depsOf = ({ var: deps }: LoggedInContext) => deps
const pathOf = (c: AnyContext) => `${USERS}/${idOf(c)}`

async function accountOf(c: AnyContext) {
  const account = await findAccount(depsOf(c), idOf(c))
  if (account === undefined) throw notFound(c)
  return account
}

export const usersPages = factory
  .createApp()

  .get(
    '/users',
    noStore,
    doc('Lists accounts, newest first.', 'text/html', { link: 'Users' }),
    requireRole(MANAGES),
    validate('query', UserQuery.pick({ page: true, cursor: true, search: true })),
    async (c) => {
      const { search, page, cursor } = c.req.valid('query')
      const load = (span: Span<UserKey>) => listUsers(c.var.db, { search, ...span })
      const users = await paged(c, { page, cursor, size: PAGE_SIZE }, load, (user) => [user.at, user.id])
      const next = nextPageOf(c)
      return c.html(
        <ShellPage c={c} title="Users">
          <form class="form" role="search">
            <div>
              <label for="search">Name or email</label>
              <input id="search" name="search" value={search} maxlength={200} />
            </div>
            <button>Search</button>
          </form>
          {c.var.config.signup !== 'off' && (
            <p>
              <a href={INVITE}>Invite somebody</a>
            </p>
          )}
          <dl class="record">
            {users.map(({ id, role, fullname, email }) => (
              <Fact name={role}>
                <a href={`${USERS}/${id}`}>{fullname || email}</a> <span class="note">{email}</span>
              </Fact>
            ))}
          </dl>
          {users.length === 0 && <p>There is none.</p>}
          {next !== undefined && <a href={next}>Older accounts</a>}
        </ShellPage>,
      )
    },
  )

  .get(
    '/users/:id',
    noStore,
    doc('Shows an account.', 'text/html'),
    requireRole(MANAGES),
    validate('param', OfAccount),
    async (c) => {
      const [account, sessions, events, notice] = await Promise.all([
        accountOf(c),
        listSessions(c, idOf(c)),
        listActivity(c.var.db, idOf(c), { limit: EVENTS, offset: 0, after: undefined }),
        takeNotice(c),
      ])
      const { fullname, company, email, verified, role, tags, created, deletes } = account
      return c.html(
        <ShellPage c={c} title={fullname || email} notice={notice}>
          <dl class="record">
            <Fact name="Email">
              {email} {!verified && <span class="note">not confirmed yet</span>}
            </Fact>
            <Fact name="Company">{company}</Fact>
            <Fact name="Tags">{tags.join(', ')}</Fact>
            <Fact name="Since">{created.toISOString().slice(0, 10)}</Fact>
            {deletes && <Fact name="Deletion">on {minuteOf(deletes.toISOString())}</Fact>}
            <Fact name="Role" path={pathOf(c)} page="edit">
              {role}
            </Fact>
          </dl>
          {!roles.isBarred(role) && !roles.atLeast(role, c.var.session.role) && (
            <form method="post" action={IMPERSONATE}>
              <input type="hidden" name="id" value={idOf(c)} />
              <button>Act as this account</button>
            </form>
          )}
          {!roles.isBarred(role) && (
            <form method="post" action={`${pathOf(c)}/disable`}>
              <button class="danger">Disable the account</button>
            </form>
          )}
          {sessions.length > 0 && (
            <section>
              <h2>Devices</h2>
              <DeviceList sessions={sessions} path={`${pathOf(c)}/sessions`} />
              <form method="post" action={`${pathOf(c)}/sessions/end`}>
                <button>Sign out all</button>
              </form>
            </section>
          )}
          <section>
            <h2>Activity</h2>
            <EventList events={events} />
            <a href={`/api/audit?account=${idOf(c)}`}>All of it, as JSON</a>
          </section>
        </ShellPage>,
      )
    },
  )

formPage(usersPages, '/users/:id/edit', {
  guards,
  errors,
  title: 'Change an account',
  summaries: ['Shows the form to change an account.', 'Changes its role, tags, names and company.'],
  schema: ChangeAccount.required({ first_name: true, last_name: true, role: true }).extend({
    tags: z
      .string()
      .transform((text) => text.split(',').filter((tag) => tag.trim() !== ''))
      .pipe(ChangeAccount.shape.tags.unwrap())
      .describe('With commas between them.'),
  }),
  fields: {
    role: { label: 'Role' },
    first_name: { label: 'First name' },
    last_name: { label: 'Last name' },
    company: { label: 'Company' },
    tags: { label: 'Tags', required: false },
  },
  button: 'Save',
  values: async (c) => {
    const account = await accountOf(c)
    return { ...account, tags: account.tags.join(', ') }
  },
  run: async (c, { company, ...change }) => {
    await changeAccount(depsOf(c), idOf(c), { ...change, company: company || null }, c)
    await leaveNotice(c, 'The changes are saved')
    return pathOf(c)
  },
})

formAction(usersPages, '/users/:id/disable', {
  guards,
  errors,
  summary: 'Disables an account.',
  schema: z.object({}),
  run: async (c) => {
    await changeAccount(depsOf(c), idOf(c), { role: 'disabled' }, c)
    await leaveNotice(c, 'The account is disabled')
    return pathOf(c)
  },
})

formAction(usersPages, '/users/:id/sessions/end', {
  guards,
  errors: [roleAboveOwn],
  summary: 'Ends a session of an account, or all.',
  schema: z.object({ id: z.string().max(100).optional() }),
  run: async (c, { id }) => {
    await endSessionsOf(depsOf(c), { userId: idOf(c), id }, c)
    await leaveNotice(c, id === undefined ? 'All devices are signed out' : 'That device is signed out')
    return pathOf(c)
  },
})
