// Its app: the kit's middleware and modules, its members and its notes.
import { devRoutes } from '../../../src/kit/system/development/routes.tsx'
import { jobStatus } from '../../../src/kit/job-status/routes.ts'
import { useKit } from '../../../src/kit/middleware.ts'
import { dashboard } from '../../../src/kit/dashboard/routes.tsx'
import { API_DOCS_PATH, apiDocs, apiDocsPolicy } from '../../../src/kit/reference/api-docs.tsx'
import { pages } from '../../../src/kit/system/pages.tsx'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { entries as migrations } from './drizzle/meta/_journal.json'
import { crons } from './crons.ts'
import { members, operatorAccess } from './members.ts'
import { notes } from './notes.ts'
import { factory, requireRole, type Deps, type Product } from './product.ts'
import { roles } from './table.ts'
import { greet } from './tasks.ts'

export const manifest = { roles, crons, migrations }

export function createApp(deps: Deps) {
  const { config } = deps
  const app = factory.createApp()
  app.use(API_DOCS_PATH, apiDocsPolicy)
  useKit(app, deps)

  const reference = { config, routes: () => describeRoutes(app), groups: { '/club': 'Club' } }
  const queueMail = (given: Deps) => given.enqueue(greet, { memberId: crypto.randomUUID() })
  if (!config.production) app.route('/apitest', devRoutes<Product>({ queueMail }))
  const routed = app
    .route('/', pages(reference))
    .route(
      '/',
      apiDocs({ ...reference, description: 'A notebook.', license: 'MIT', asset: deps.apiDocsAsset }),
    )
    .route('/club', members)
    .route('/api/jobs', jobStatus({ requireRole, role: 'reader' }))
    .route('/club/notes', notes)
  if (config.operatorsPage) app.route('/api/operators', dashboard(operatorAccess))
  return routed
}
