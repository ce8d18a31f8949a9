// Serves the pages on which superusers find accounts, change them and sign them out.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { activityList } from '../../kit/audit/events.ts'
import { readList } from '../../kit/data/list-page.ts'
import { requireFresh } from '../../kit/auth/guards.ts'
import { doc } from '../../kit/http/doc.ts'
import type { AnyContext } from '../../kit/http/env.ts'
import { answerList, LIST, listQuery } from '../../kit/http/list-query.ts'
import { nextPageOf } from '../../kit/http/paging.ts'
import { blankAsAbsent, validate } from '../../kit/http/validate.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { Line, PostButton } from '../../kit/pages/record.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { changeAccount, changeRole, MANAGES } from '../change-role.ts'
import { lastSuperuser, roleAboveOwn } from '../errors.ts'
import { endSessionsOf, findAccount } from '../manage.ts'
import { minuteOf } from '../mails.ts'
import { factory, found, requireRole, type LoggedInContext } from '../product.ts'
import { roles } from '../roles.ts'
import { ChangeAccount, OfAccount } from '../schema.ts'
import { listSessions } from '../sessions.ts'
import { userList } from '../user-list.ts'
import { EventList } from './activity.tsx'
import { IMPERSONATE, INVITE, USERS } from './paths.ts'
import { DeviceList, signedOut } from './sessions.tsx'
import { dayOf } from '../../kit/pages/duration.ts'

const PAGE_SIZE = 50
/** The latest. */
const EVENTS = 10

const guards = [requireRole(MANAGES), requireFresh(), validate('param', OfAccount)]
const errors = [roleAboveOwn, lastSuperuser]

const idOf = (c: AnyContext): string => (c.req.valid('param' as never) as z.output<typeof OfAccount>).id
const pathOf = (c: AnyContext) => `${USERS}/${idOf(c)}`

const accountOf = (c: LoggedInContext) => found(c, findAccount(c.var, idOf(c)))

export const usersPages = factory
  .createApp()

  .get(
    '/users',
    doc('Lists accounts, newest first.', 'text/html', { link: 'Users', errors: LIST.errors }),
    requireRole(MANAGES),
    validate('query', listQuery(userList).pick({ page: true, cursor: true, search: true })),
    async (c) => {
      const query = c.req.valid('query')
      const users = await answerList(c, userList, c.var, { ...query, size: PAGE_SIZE })
      const next = nextPageOf(c)
      return showPage(
        c,
        'Users',
        <>
          <form class="form" role="search">
            <div>
              <label for="search">Name or email</label>
              <input id="search" name="search" value={query.search} maxlength={200} />
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
              <Line name={role} note={email}>
                <a href={`${USERS}/${id}`}>{fullname || email}</a>
              </Line>
            ))}
          </dl>
          {users.length === 0 && <p>There is none.</p>}
          {next && <a href={next}>Older accounts</a>}
        </>,
      )
    },
  )

  .get(
    '/users/:id',
    doc('Shows an account.', 'text/html'),
    requireRole(MANAGES),
    validate('param', OfAccount),
    async (c) => {
      const [account, factors, sessions, { rows: events }] = await Promise.all([
        accountOf(c),
        c.var.secondStep?.factorsOf(c.var.db, idOf(c)),
        listSessions(c, idOf(c)),
        readList(activityList, { db: c.var.db, me: idOf(c) }, { limit: EVENTS }),
      ])
      const { fullname, company, email, verified, role, tags, created, deletes } = account
      const path = pathOf(c)
      return showPage(
        c,
        fullname || email,
        <>
          <dl class="record">
            <Line name="Email" note={!verified && 'not confirmed yet'}>
              {email}
            </Line>
            {factors && <Line name="Factors">{factors.map(({ name }) => name).join(', ') || 'none'}</Line>}
            <Line name="Company">{company}</Line>
            <Line name="Tags">{tags.join(', ')}</Line>
            <Line name="Since">{dayOf(created)}</Line>
            {deletes && <Line name="Deletion">on {minuteOf(deletes)}</Line>}
            <Line name="Role" note={roles.isBarred(role) && 'to enable the account, give it another role'}>
              {role}
            </Line>
          </dl>
          <a class="button" href={`${path}/edit`}>
            Change
          </a>
          {!roles.isBarred(role) && !roles.atLeast(role, c.var.session.role) && (
            <PostButton to={IMPERSONATE} id={account.id}>
              Act as this account
            </PostButton>
          )}
          {!roles.isBarred(role) && (
            <PostButton to={`${path}/disable`} class="danger">
              Disable the account
            </PostButton>
          )}
          {sessions.length > 0 && (
            <section>
              <h2>Devices</h2>
              <DeviceList sessions={sessions} path={`${path}/sessions`} />
              <PostButton to={`${path}/sessions/end`}>Sign out all</PostButton>
            </section>
          )}
          <section>
            <h2>Activity</h2>
            <EventList events={events} />
            <a href={`/api/audit?account=${account.id}`}>All of it, as JSON</a>
          </section>
        </>,
      )
    },
  )

formPage(usersPages, '/users/:id/edit', {
  guards,
  errors,
  title: 'Change an account',
  summaries: ['Shows the form to change an account.', 'Changes its role, tags, names and company.'],
  // `npm run user` makes accounts without a last name: an empty field changes nothing.
  schema: ChangeAccount.required({ role: true }).extend({
    first_name: blankAsAbsent(ChangeAccount.shape.first_name),
    last_name: blankAsAbsent(ChangeAccount.shape.last_name),
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
  values: async (c: LoggedInContext) => {
    const account = await accountOf(c)
    return { ...account, tags: account.tags.join(', ') }
  },
  run: (c: LoggedInContext, { company, ...change }) =>
    changeAccount(c.var, idOf(c), { ...change, company: company || null }, c),
  next: pathOf,
  notice: 'The changes are saved',
})

formAction(usersPages, '/users/:id/disable', {
  guards,
  errors,
  summary: 'Disables an account.',
  run: (c: LoggedInContext) => changeRole(c.var, idOf(c), 'disabled', c),
  next: pathOf,
  notice: 'The account is disabled',
})

formAction(usersPages, '/users/:id/sessions/end', {
  guards,
  errors: [roleAboveOwn],
  summary: 'Ends a session of an account, or all.',
  schema: z.object({ id: z.string().max(100).optional() }),
  run: (c: LoggedInContext, { id }) => endSessionsOf(c.var, { userId: idOf(c), id }, c),
  next: pathOf,
  notice: ({ id }, isDone) => (id === undefined ? 'All devices are signed out' : signedOut(isDone)),
})
