// Declares the roles, lowest first. A route requires one of them or a higher one.
import { defineRoles } from '../kit/types/roles.ts'

export const roles = defineRoles(['disabled', 'readonly', 'editor', 'admin', 'superuser'], {
  barred: ['disabled'],
})

export const ROLES = roles.names

/** What SIGNUP_ROLE may be: nobody signs up to a role that manages what is others'. */
export const SIGNUP_ROLES = ['readonly', 'editor'] as const satisfies Role[]

export type Role = (typeof ROLES)[number]
