// Roles: which there are, lowest first, and which of them no longer get in. A product declares its own.

export interface Roles<Role extends string = string> {
  /** Lowest first. */
  readonly names: readonly [Role, ...Role[]]
  /** Those that get in, lowest first. */
  readonly admitted: readonly Role[]
  /** True for a role whose accounts are stopped at the door, logged in or not. */
  isBarred(role: Role): boolean
  /** True if `role` is `least` or stands above it. */
  atLeast(role: Role, least: Role): boolean
}

/** Declares the roles, lowest first. Accounts of a `barred` one cannot log in, and their live sessions open nothing. */
export function defineRoles<const Role extends string>(
  names: readonly [Role, ...Role[]],
  { barred }: { barred: readonly NoInfer<Role>[] },
): Roles<Role> {
  const isBarred = (role: Role) => barred.includes(role)
  return {
    names,
    admitted: names.filter((role) => !isBarred(role)),
    isBarred,
    atLeast: (role, least) => names.indexOf(role) >= names.indexOf(least),
  }
}
