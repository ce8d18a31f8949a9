// Your routes, driven with generated input by every kind of caller. Those that the kit brings are driven by its own tests.
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

driveRoutes({
  seeds: [1],
  start: (settings) => startApp({ ...settings, [`${MAIL}_LOGIN`]: 'on' }),
  schema,
  roles,
  boss: 'superuser',
  member: (app: TestApp, role) => app.member(role),
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
      // Of a webhook: nobody listens there.
      url: ['http://127.0.0.1:1/'],
    }
  },
  // test/{admin,admin-pages,mailbox,account-pages,sessions,access-tokens,invitations,totp,files,webhooks}.test.ts have them
  isHard: (name) =>
    /users.:id|api.files.*:|webhooks.+|factors?|passkey|second|identities|:provider|mail.code|(reauthenticate|confirm).mail|^POST .*(reset|verify|take-back|sign-up|accept|invitation|tokens.end|:id)$|^DELETE .api.(me|invitations)./.test(
      name,
    ),
  // The page would change the password with which the callers log in, and a superuser would be one no more. A file's bytes go by
  // URLs that are signed: test/files.test.ts has them.
  isLeftOut: (name) =>
    ofKit.has(name) ||
    /^POST .*(auth.account.password|impersonate)$|api.(files.*(incoming|kept)|small-files)/.test(name),
})
