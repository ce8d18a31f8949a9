// The routes that the kit brings, and those of its own product, driven with generated input by every kind of caller.
import { DOOR } from '../product/door.tsx'
import { members, roles } from '../product/table.ts'
import { greet } from '../product/tasks.ts'
import { driveRoutes } from '../support/drive-routes.ts'
import { NEW_MEMBER, startApp, type TestApp } from '../support/harness.ts'
import { startTestWorker } from '../support/worker.ts'

driveRoutes({
  seeds: [1, 2, 3],
  start: startApp,
  roles,
  boss: 'owner',
  member: (app: TestApp, role) => app.member(role),
  loginPath: '/club/enter',
  enqueue: ({ deps }) => deps.enqueue(greet, { memberId: crypto.randomUUID() }),
  work: (app) => startTestWorker(app),
  async known({ deps }) {
    const people = await deps.db.select().from(members)
    return { email: people.map(({ email }) => email), password: [NEW_MEMBER.password] }
  },
  // It takes the link of a mail; and the name of a channel, whose stream would have no end.
  isHard: (name) => name === `POST ${DOOR}/invited` || name.endsWith('/channels'),
})
