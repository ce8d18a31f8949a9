// Gathers what the kit needs of this product to open its dependencies: its roles, crons and migrations.
import { entries as migrations } from '../drizzle/meta/_journal.json'
import type { Own, Product } from './account/product.ts'
import { roles } from './account/roles.ts'
import type { Factor } from './account/second-step.ts'
import type { WayIn } from './account/ways-in.ts'
import { tellLogin } from './channels/channels.ts'
import { crons } from './crons.ts'
import { openAll, type Opening } from './kit/assemble.ts'
import { openChannels } from './kit/channels/open-channels.ts'
import { ownFiles } from './kit/files/open-store.ts'
import { ownWebhooks } from './kit/webhooks/sender.ts'
import { mailLogin } from './mail-login/way-in.tsx'
import { oidcWayIn } from './oidc/way-in.tsx'
import { passkeyFactor, passkeyWayIn } from './passkeys/factor.tsx'
import { secondStep } from './second-factors/second-step.ts'
import { totp } from './totp/totp.ts'
import { onUnexpected } from './unexpected.ts'
import { pausesWebhooks } from './webhooks/endpoints.ts'

/** One line for each second factor. */
const factors: Factor[] = [totp, passkeyFactor]

/** One line for each way in beside the password. */
const waysIn: WayIn[] = [passkeyWayIn, mailLogin, oidcWayIn, pausesWebhooks]

export const manifest = {
  roles,
  crons,
  migrations,
  onUnexpected,
  openOwn: (...opening: Opening<Product['Config']>): { own: Own } => ({
    own: {
      waysIn,
      ...ownFiles,
      ...ownWebhooks,
      secondStep: secondStep(factors),
      tellLogin,
      // One for each module that opens something of its own.
      ...openAll(opening, [openChannels]),
    },
  }),
}
