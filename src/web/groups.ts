// The routes in groups, one for each path under which a slice is mounted: the order and the titles of every description.

export interface Group<T> {
  title: string
  /** Where the group's paths begin. */
  prefix: string
  note: string | undefined
  members: T[]
}

/** What is mounted at these paths is no resource: the account's calls come first, the server's own last. */
const KNOWN: Record<string, { title: string; rank: number; note?: string }> = {
  '/api': { title: 'Account', rank: 0 },
  '/': { title: 'Service', rank: 2 },
  '/apitest': {
    title: 'Development',
    rank: 3,
    note: 'Only in development: in production these do not exist.',
  },
}
const RESOURCE_RANK = 1

/** One group for each base path; resources in order of declaration. */
export function groupBySlice<T>(members: T[], baseOf: (member: T) => string): Group<T>[] {
  const groups = [...Map.groupBy(members, baseOf)].map(([prefix, own]) => {
    const { title, rank, note } = KNOWN[prefix] ?? { title: titleOf(prefix), rank: RESOURCE_RANK }
    return { title, prefix, note, rank, members: own }
  })
  return groups.toSorted((a, b) => a.rank - b.rank)
}

/** `/api/film-reels` is about film reels. */
function titleOf(prefix: string): string {
  const name = prefix.slice(prefix.lastIndexOf('/') + 1).replaceAll('-', ' ')
  return name.charAt(0).toUpperCase() + name.slice(1)
}
