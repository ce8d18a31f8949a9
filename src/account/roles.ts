// Declares the roles, lowest first. A route requires one of them or a higher one.
import { defineRoles } from '../kit/types/roles.ts'

export const roles = defineRoles(['disabled', 'readonly', 'editor', 'admin', 'superuser'], {
  barred: ['disabled'],
})

export const ROLES = roles.names

export type Role = (typeof ROLES)[number]

/** From this role on one reaches what is everybody's: the account's row is asked for it, and no personal access token has it. */
export const ADMIN = 'admin' satisfies Role

/** @param role null: a visitor's */
export const isAdmin = (role: Role | null): boolean => role !== null && roles.atLeast(role, ADMIN)
