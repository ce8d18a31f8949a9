// Searching a list: text as a LIKE pattern, and a page of what matches for what that page costs.

/** The pattern that finds `text` anywhere; `%`, `_` and `\` in it mean themselves. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`

/** Rows of the list's order that are looked at to learn how common a match is. */
const SAMPLE = 1000

export interface Search<Row> {
  /** How many match among the next `rows` of the list's order; 0 if there are fewer rows than that. */
  sample(rows: number): PromiseLike<number>
  /** A page of what matches, in order: among the next `rows`, or among all by the trigram index. */
  load(rows?: number): PromiseLike<Row[]>
}

/**
 * Loads a page of what matches. Going along the order finds a common match soon and a rare one never; the trigram
 * index finds a rare one at once, and of a common one far too many to sort. The first costs about 1 / matches, the second
 * about matches: a sample tells. Postgres' own estimate knows nothing of where in the order the matches stand.
 */
export async function searchPage<Row>(
  { limit, offset }: { limit: number; offset: number },
  { sample, load }: Search<Row>,
): Promise<Row[]> {
  const wanted = offset + limit
  const matches = await sample(SAMPLE)
  if (matches ** 2 >= wanted) {
    const rows = await load(Math.ceil((2 * wanted * SAMPLE) / matches))
    if (rows.length === limit) return rows
  }
  return load()
}
