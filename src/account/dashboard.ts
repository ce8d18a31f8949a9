// Tells the dashboard which accounts may use it, and where they sign in.
import type { Config } from '../config.ts'
import type { DashboardAccess } from '../kit/dashboard/access.ts'
import { CONFIRM, SIGN_IN } from './pages/paths.ts'
import { requireRole, type Product } from './product.ts'

export const dashboardAccess = ({ authPages }: Config): DashboardAccess<Product> => ({
  requireRole,
  role: 'superuser',
  label: ({ email }) => email,
  signIn: authPages ? SIGN_IN : undefined,
  lacking: 'Whoever runs the service makes you one: npm run user -- role <your email> superuser',
  confirm: authPages ? CONFIRM : undefined,
})
