// Its app: the kit's middleware, its members and its notes. Modules are mounted by those who test them: see support/modules.ts.
import { devRoutes } from '../../../src/kit/system/development/routes.tsx'
import { useKit } from '../../../src/kit/middleware.ts'
import { pages } from '../../../src/kit/system/pages.tsx'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { entries as migrations } from './drizzle/meta/_journal.json'
import { crons } from './crons.ts'
import { door, DOOR } from './door.tsx'
import { members } from './members.ts'
import { notes } from './notes.ts'
import { factory, type Config, type Deps, type Product } from './product.ts'
import { roles } from './table.ts'
import { greet } from './tasks.ts'

export const manifest = { roles, crons, migrations }

export function createApp(deps: Deps) {
  const { config } = deps
  const app = factory.createApp()
  useKit(app, deps)

  const queueMail = (given: Deps) => given.enqueue(greet, { memberId: crypto.randomUUID() })
  if (!config.production) app.route('/apitest', devRoutes<Product>({ queueMail }))
  app.route(DOOR, door)
  return app
    .route('/', pages(referenceOf(app, config)))
    .route('/club', members)
    .route('/club/notes', notes)
}

/** What its descriptions are made from. */
export const referenceOf = (app: Parameters<typeof describeRoutes>[0], config: Config) => ({
  config,
  routes: () => describeRoutes(app),
  groups: { '/club': 'Club' },
  description: 'A notebook.',
  license: 'MIT',
})
