// The dashboard of the kit's product.
import type { ConfigFrom } from '../../../src/kit/config/settings.ts'
import type { DashboardAccess } from '../../../src/kit/dashboard/access.ts'
import { dashboard } from '../../../src/kit/dashboard/routes.tsx'
import { dashboardSettings } from '../../../src/kit/dashboard/settings.ts'
import { ENTER } from '../product/door.tsx'
import { requireRole, type Product } from '../product/product.ts'
import type { Mounted } from '../support/modules.ts'

export const settings = dashboardSettings

const access: DashboardAccess<Product> = {
  requireRole,
  role: 'owner',
  label: ({ email }) => email,
  signIn: ENTER,
}

export const mount: Mounted['mount'] = (app, config) => {
  const { operatorsPage } = config as typeof config & ConfigFrom<typeof settings>
  if (operatorsPage) app.route('/api/operators', dashboard(access))
}
