// The roles, lowest first. A route asks for one of them or above.
import { defineRoles } from '../kit/types/roles.ts'

export const roles = defineRoles(['disabled', 'readonly', 'editor', 'admin', 'superuser'], {
  barred: ['disabled'],
})

export const ROLES = roles.names

export type Role = (typeof ROLES)[number]
