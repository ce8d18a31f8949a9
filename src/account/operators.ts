// What the operators' page is told of accounts: who may look after the queue, and how they sign in.
import type { OperatorAccess } from '../kit/dashboard/access.ts'
import { logIn } from './login.ts'
import { requireRole, type Product } from './product.ts'
import { Login } from './schema.ts'
import { loginLimit } from './throttles.ts'

export const operatorAccess: OperatorAccess<Product> = {
  requireRole,
  least: 'superuser',
  lowest: 'readonly',
  label: ({ email }) => email,
  signIn: {
    form: Login.omit({ remember: true }),
    limit: loginLimit,
    run: (c, credentials) => logIn(c, { ...credentials, remember: false }),
  },
}
