// Builds your app: the kit's middleware, then one line for each module and slice. Portable: it runs wherever Hono does.
import { description, license } from '../package.json'
import { accountTokens, openToken } from './account/access-tokens.ts'
import { dashboardAccess } from './account/dashboard.ts'
import { factory, requireRole, type Deps, type Product } from './account/product.ts'
import { accountDeletion } from './account/deletion.ts'
import { admin } from './account/manage.ts'
import { auditExport, exportAudit } from './account/audit-export.ts'
import { audit } from './account/audit-routes.ts'
import { accountExport, exportMyData } from './account/export.ts'
import { impersonation } from './account/impersonation.ts'
import { invitations } from './account/invitation-routes.ts'
import { mailbox } from './account/mailbox-routes.ts'
import { exportPage } from './account/pages/export.tsx'
import { PAGES } from './account/pages/paths.ts'
import { accountPages } from './account/pages/routes.ts'
import { account } from './account/routes.ts'
import { queueSampleMail } from './account/sample-mail.ts'
import { accountSessions } from './account/sessions.ts'
import { firstSteps } from './account/ways-in.ts'
import { refuseImpersonators, refuseTokens } from './kit/auth/guards.ts'
import { channels } from './channels/channels.ts'
import { channelRoutes } from './kit/channels/routes.ts'
import { dashboard } from './kit/dashboard/routes.tsx'
import { diskRoutes } from './kit/files/disk-routes.ts'
import { formRoutes } from './kit/files/form-routes.ts'
import { fileRoutes } from './kit/files/routes.ts'
import { describeRoutes } from './kit/http/doc.ts'
import { jobStatus } from './kit/job-status/routes.ts'
import { useKit } from './kit/middleware.ts'
import { createOidc } from './kit/oidc/provider.ts'
import { devRoutes } from './kit/system/development/routes.tsx'
import { pages } from './kit/system/pages.tsx'
import { fileOptions } from './files/files.ts'
import { mailLoginPages, mailLoginRoutes } from './mail-login/routes.tsx'
import { movies } from './movies/routes.ts'
import { oidcPages } from './oidc/pages.tsx'
import { oidcRoutes } from './oidc/routes.ts'
import { auditSection } from './operators/audit.tsx'
import { mailSection } from './operators/mails.tsx'
import { webhookSection } from './operators/webhooks.tsx'
import { passkeyPages } from './passkeys/pages.tsx'
import { passkeyRoutes } from './passkeys/routes.ts'
import { askForFactor, secondFactorPages } from './second-factors/pages.tsx'
import { requireFactor } from './second-factors/required.ts'
import { secondFactors } from './second-factors/routes.tsx'
import { totpPages, totpRoutes } from './totp/routes.tsx'
import { webhookPages } from './webhooks/pages.tsx'
import { webhookRoutes } from './webhooks/routes.ts'
import { webhookBodies } from './webhooks/webhooks.ts'

/** Builds the app on its dependencies. Nothing connects or runs before the first request. */
export function createApp(deps: Deps) {
  const { config } = deps
  const app = factory.createApp()
  useKit(app, deps, { openToken })

  const oidc = createOidc(config.oidc, deps.log)
  // Behind your resources, as they stand here.
  const groups = {
    '/api': 'Account',
    '/api/jobs': 'Jobs',
    '/api/channels': 'Channels',
    '/api/files': 'Files',
    '/api/small-files': 'Small files',
  }
  const reference = {
    config,
    routes: () => describeRoutes(app),
    groups,
    description,
    license,
    webhookBodies,
  }
  // A program acts for an account, and does not manage it.
  const ofSessions = ['/api/logout', '/api/reauthenticate/*', '/api/impersonation/*']
  for (const path of ['/api/me/*', '/api/auth/*', ...ofSessions]) app.use(path, refuseTokens)
  // Nor does a superuser who acts as it.
  for (const path of ['/api/me/*', '/api/auth/account/*', '/api/auth/confirm/*', '/api/reauthenticate/*'])
    app.use(path, refuseImpersonators)
  for (const path of firstSteps(deps)) app.use(path, askForFactor)
  if (config.mfaRequired !== undefined) app.use('/api/*', requireFactor)
  const routed = app
    // One line per slice.
    .route('/', pages(reference))
    .route('/api', account)
    .route('/api', mailbox)
    .route('/api', invitations)
    .route('/api', accountSessions)
    .route('/api', accountTokens)
    .route('/api', accountExport)
    .route('/api', accountDeletion)
    .route('/api', impersonation)
    .route('/api', admin)
    .route('/api', secondFactors(deps))
    .route('/api', totpRoutes)
    .route('/api', passkeyRoutes)
    .route('/api', oidcRoutes(deps, oidc))
    .route('/api', mailLoginRoutes)
    .route('/api', audit)
    .route('/api', auditExport)
    .route(
      '/api/jobs',
      jobStatus({
        requireRole,
        role: 'readonly',
        guarded: { [exportMyData.name]: 'readonly', [exportAudit.name]: 'superuser' },
      }),
    )
    .route(
      '/api/channels',
      channelRoutes<Product, typeof channels>({ requireRole, role: 'readonly', channels, config }),
    )
    .route('/api/files', fileRoutes<Product>(fileOptions))
    .route('/api/small-files', formRoutes<Product>(fileOptions))
    .route('/api/files', diskRoutes<Product>(fileOptions.table, fileOptions.purposes))
    .route('/api', webhookRoutes)
    .route('/api/movies', movies)
  const operatorsPages = [mailSection, auditSection, webhookSection]
  if (config.operatorsPage)
    app.route('/api/operators', dashboard({ ...dashboardAccess(config), sections: operatorsPages }))
  if (!config.production) app.route('/apitest', devRoutes<Product>({ queueMail: queueSampleMail }))
  if (config.authPages) app.route(PAGES, accountPages)
  if (config.authPages) app.route(PAGES, exportPage)
  if (config.authPages) app.route(PAGES, secondFactorPages)
  if (config.authPages) app.route(PAGES, totpPages)
  if (config.authPages) app.route(PAGES, passkeyPages)
  if (config.authPages && oidc.names.length > 0) app.route(PAGES, oidcPages(oidc))
  if (config.authPages) app.route(PAGES, mailLoginPages)
  if (config.authPages) app.route(PAGES, webhookPages)

  return routed
}

/** The type of the typed client: `hc<AppType>(url)`. */
export type AppType = ReturnType<typeof createApp>
