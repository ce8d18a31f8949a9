// Declares the roles, lowest first. A route requires one of them or a higher one.
import { defineRoles } from '../kit/types/roles.ts'

export const roles = defineRoles(['disabled', 'readonly', 'editor', 'admin', 'superuser'], {
  barred: ['disabled'],
})

export const ROLES = roles.names

export type Role = (typeof ROLES)[number]
