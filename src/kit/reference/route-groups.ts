// The routes in groups, one for each path under which a slice is mounted: the order and the titles of every description.

export interface Group<T> {
  title: string
  /** Where the group's paths begin. */
  prefix: string
  note: string | undefined
  members: T[]
}

/** What is mounted at these paths is no resource. It comes first, under these titles and in this order. */
export type FirstGroups = Record<string, string>

/** The server's own come last. */
const LAST: Record<string, { title: string; note?: string }> = {
  '/': { title: 'Service' },
  '/apitest': { title: 'Development', note: 'Only in development: in production these do not exist.' },
}

/** One group for each base path; resources in order of declaration. */
export function groupBySlice<T>(members: T[], first: FirstGroups, baseOf: (member: T) => string): Group<T>[] {
  const [begin, end] = [Object.keys(first), Object.keys(LAST)]
  const rank = ({ prefix }: Group<T>) =>
    begin.includes(prefix) ? begin.indexOf(prefix) - begin.length : end.indexOf(prefix) + 1
  const prefixes = [...new Set(members.map(baseOf))]
  return prefixes
    .map((prefix): Group<T> => {
      const own = members.filter((member) => baseOf(member) === prefix)
      const title = first[prefix] ?? LAST[prefix]?.title ?? titleOf(prefix)
      return { title, prefix, note: LAST[prefix]?.note, members: own }
    })
    .toSorted((a, b) => rank(a) - rank(b))
}

/** `/api/film-reels` is about film reels. */
function titleOf(prefix: string): string {
  const name = prefix.slice(prefix.lastIndexOf('/') + 1).replaceAll('-', ' ')
  return name.charAt(0).toUpperCase() + name.slice(1)
}
