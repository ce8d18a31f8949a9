// Gathers the pages of accounts, which need no script.
import { noStore } from '../../kit/http/caching.ts'
import { errorsAsPages } from '../../kit/pages/error-page.tsx'
import { factory } from '../product.ts'
import { accountPage } from './account.tsx'
import { activityPage } from './activity.tsx'
import { deletionPage } from './delete.tsx'
import { entry } from './entry.tsx'
import { impersonationPages } from './impersonation.tsx'
import { invitationPages } from './invitations.tsx'
import { links } from './links.tsx'
import { sessionsPage } from './sessions.tsx'
import { usersPages } from './users.tsx'
import { DOORS } from './paths.ts'
import { tokensPage } from './tokens.tsx'

export const accountPages = factory
  .createApp()
  .use(noStore)
  .use(errorsAsPages(DOORS))
  .route('/', accountPage)
  .route('/', sessionsPage)
  .route('/', tokensPage)
  .route('/', deletionPage)
  .route('/', activityPage)
  .route('/', invitationPages)
  .route('/', usersPages)
  .route('/', entry)
  .route('/', impersonationPages)
  .route('/', links)
