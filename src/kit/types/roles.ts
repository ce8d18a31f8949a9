// Declares a product's roles, lowest first, and which of them are barred.

export interface Roles<Role extends string = string> {
  /** Lowest first. */
  readonly names: readonly [Role, ...Role[]]
  /** The roles that are not barred, lowest first. */
  readonly admitted: readonly Role[]
  /** True for a role whose accounts are refused, logged in or not. */
  isBarred(role: Role): boolean
  /** True if `role` is `least` or a higher one. */
  atLeast(role: Role, least: Role): boolean
}

/** Declares the roles, lowest first. Accounts with a `barred` one cannot log in, and their live sessions are refused. */
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
