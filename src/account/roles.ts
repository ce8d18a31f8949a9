// The roles, lowest first. A route asks for one of them or above.

export const ROLES = ['disabled', 'readonly', 'editor', 'admin', 'superuser'] as const

export type Role = (typeof ROLES)[number]

/** True if `role` is `least` or stands above it. */
export function atLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least)
}
