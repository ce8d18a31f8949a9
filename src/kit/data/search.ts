// Searching a list: text as a LIKE pattern, and a page of what matches for what that page costs.

/** The pattern that finds `text` anywhere; `%`, `_` and `\` in it mean themselves. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`

/** Rows of the list's order that are looked at to learn how common a match is. */
const SAMPLE = 200
/** Rows of a list that is long. */
const MANY = 1_000_000

/** What a list can be asked, for one text. */
export interface SearchableList<Row> {
  /** How many match among the next `rows` of the list's order. */
  sample(rows: number): PromiseLike<number>
  /** A page of those that match among the next `rows`, found by going along the order. */
  among(rows: number): PromiseLike<Row[]>
  /** A page of all that match, found by the trigram index and then sorted. */
  amongAll(): PromiseLike<Row[]>
}

/**
 * Loads a page of what matches. Going along the order finds a common match soon and a rare one never; the trigram
 * index finds a rare one at once, and of a common one too many to sort. A sample tells which is the shorter way.
 * Postgres' own estimate does not: it knows nothing of where in the order the matches stand.
 */
export async function searchPage<Row>(
  { limit, offset }: { limit: number; offset: number },
  { sample, among, amongAll }: SearchableList<Row>,
): Promise<Row[]> {
  const density = (await sample(SAMPLE)) / SAMPLE
  const along = (offset + limit) / density
  // By the index, each match of a long list is read.
  if (along <= density * MANY) {
    const rows = await among(Math.ceil(2 * along))
    if (rows.length === limit) return rows
  }
  return amongAll()
}
