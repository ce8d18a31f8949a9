// Tells the dashboard which accounts may use it and how they sign in.
import type { DashboardAccess } from '../kit/dashboard/access.ts'
import { invalidCredentials } from './errors.ts'
import { logIn } from './login.ts'
import { requireRole, type Product } from './product.ts'
import { Login } from './schema.ts'
import { loginLimit } from './throttles.ts'

export const dashboardAccess: DashboardAccess<Product> = {
  requireRole,
  role: 'superuser',
  lowestRole: 'readonly',
  label: ({ email }) => email,
  signIn: {
    form: Login.omit({ remember: true, token: true }),
    limit: loginLimit,
    run: (c, credentials) => logIn(c, { ...credentials, remember: false, token: false }),
    errors: [invalidCredentials],
  },
}
