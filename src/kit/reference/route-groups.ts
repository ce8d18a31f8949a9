// Groups the routes by the path at which their slice is mounted, with the titles and the order of every description.

export interface Group<T> {
  title: string
  /** The common beginning of the group's paths. */
  prefix: string
  note: string | undefined
  members: T[]
}

/** Mounts that are no resources: by path, the titles of the groups that come behind those, in this order. */
export type NamedGroups = Record<string, string>

/** The server's own groups come last. */
const LAST: Record<string, { title: string; note?: string }> = {
  '/': { title: 'Service' },
  '/apitest': { title: 'Development', note: 'Only in development: these do not exist in production.' },
}

/** One group for each base path; the resources, which a reader has come for, stand first, in order of declaration. */
export function groupBySlice<T>(members: T[], named: NamedGroups, baseOf: (member: T) => string): Group<T>[] {
  const behind = [...Object.keys(named), ...Object.keys(LAST)]
  const rank = ({ prefix }: Group<T>) => behind.indexOf(prefix) // -1 for a resource
  const prefixes = [...new Set(members.map(baseOf))]
  return prefixes
    .map((prefix): Group<T> => {
      const own = members.filter((member) => baseOf(member) === prefix)
      const title = named[prefix] ?? LAST[prefix]?.title ?? titleOf(prefix)
      return { title, prefix, note: LAST[prefix]?.note, members: own }
    })
    .toSorted((a, b) => rank(a) - rank(b))
}

/** The server's own: not of the product. */
export const isOfServer = ({ prefix }: Pick<Group<unknown>, 'prefix'>) => prefix in LAST

/** Puts those below one path beside each other, in the order in which the paths first occur. */
export function clustered<T extends { path: string }>(members: T[]): T[] {
  const seen = [...new Set(members.flatMap(({ path }) => stepsOf(path)))]
  const rank = new Map(
    members.map((member) => [member, stepsOf(member.path).map((step) => seen.indexOf(step))]),
  )
  return members.toSorted((a, b) => {
    const [left, right] = [rank.get(a) ?? [], rank.get(b) ?? []]
    const at = left.findIndex((place, i) => place !== right[i])
    return at === -1 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1)
  })
}

/** `/api/me`: `/api` and `/api/me`. */
const stepsOf = (path: string) =>
  path
    .split('/')
    .slice(1)
    .map((_, i, steps) => steps.slice(0, i + 1).join('/'))

/** `/api/film-reels` is about film reels. */
function titleOf(prefix: string): string {
  const name = prefix.slice(prefix.lastIndexOf('/') + 1).replaceAll('-', ' ')
  return name.charAt(0).toUpperCase() + name.slice(1)
}
