// Says what a new password must be: one check for signup, reset, change of password, and `npm run user`.
import { passwordRule } from '../kit/auth/password-rule.ts'
import type { User } from './queries.ts'

/** `assertPassword` throws what a client is told; `passwordFaults` returns it. `isBreached` asks a service: see README.md. */
export const { assertPassword, passwordFaults } = passwordRule({
  wordsOf: ({ email, first_name, last_name }: Pick<User, 'email' | 'first_name' | 'last_name'>) => [
    email,
    first_name,
    last_name,
  ],
})
