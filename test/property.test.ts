// Your routes, driven with generated input by every kind of caller. Those that the kit brings are driven by its own tests.
import { getTableName, is, sql } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { roles } from '../src/account/roles.ts'
import { users } from '../src/account/table.ts'
import { sendWelcome } from '../src/account/mail-tasks.ts'
import { driveRoutes } from './kit/support/drive-routes.ts'
import { kitRoutes } from './kit/support/harness.ts'
import { NEW_ACCOUNT, startApp, type TestApp } from './support/harness.ts'
import { schema, startTestWorker } from './support/worker.ts'

const ofKit = new Set(kitRoutes().map(({ method, path }) => `${method} ${path}`))
/** Of a module: without it this does nothing. */
const MAIL = 'MAIL'

/** A field `photo:file(image)` takes files of whoever calls, which a generator seldom meets. Without the module there is none. */
const hasFile = Object.values(schema)
  .filter((table) => is(table, PgTable))
  .filter((table) =>
    getTableConfig(table).foreignKeys.some((key) => getTableName(key.reference().foreignTable) === 'files'),
  )
  .map((table) => `/${getTableName(table).replaceAll('_', '-')}`)

driveRoutes({
  seeds: [1],
  start: (settings) => startApp({ ...settings, [`${MAIL}_LOGIN`]: 'on' }),
  schema,
  roles,
  boss: 'superuser',
  async member(app: TestApp, role) {
    const member = await app.member(role)
    if (hasFile.length > 0)
      await app.deps.db.execute(sql`insert into files (account, purpose, name, type, size, sha256, state)
        select ${member.user.id}, 'image', 'a.png', 'image/png', 1, '', 'ready' from generate_series(1, 60)`)
    return member
  },
  loginPath: '/api/login',
  enqueue: ({ deps }) => deps.enqueue(sendWelcome, { userId: crypto.randomUUID() }),
  work: (app) => startTestWorker(app),
  async known({ deps }) {
    const people = await deps.db.select().from(users)
    return {
      creator: ['', ...people.map(({ id }) => id)],
      email: people.map(({ email }) => email),
      password: [NEW_ACCOUNT.password],
      current_password: [NEW_ACCOUNT.password],
      // Of a file that an account may have: see src/files.
      purpose: ['document', 'image'],
      type: ['application/pdf', 'image/png'],
      size: [1, 20, 300],
    }
  },
  // test/{admin,admin-pages,mailbox,account-pages,sessions,access-tokens,invitations,totp,files,webhooks}.test.ts have them
  isHard: (name) =>
    hasFile.some((path) => `${name}/`.includes(`${path}/`)) ||
    /users.:id|api.files.*:|webhooks|factors?|passkey|second|identities|:provider|mail.code|(reauthenticate|confirm).mail|^POST .*(reset|verify|take-back|sign-up|accept|invitation|tokens.end|:id)$|^DELETE .api.(me|invitations)./.test(
      name,
    ),
  // The page would change the password with which the callers log in, and a superuser would be one no more. A file's bytes go by
  // URLs that are signed: test/files.test.ts has them.
  isLeftOut: (name) =>
    ofKit.has(name) ||
    /^POST .*(auth.account.password|impersonate)$|api.(files.*(incoming|kept)|small-files)/.test(name),
})
