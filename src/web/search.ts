// Searching a list: text as a LIKE pattern, and a page of what matches for what that page costs.

/** The pattern that finds `text` anywhere; `%`, `_` and `\` in it mean themselves. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`

/** Rows of the list's order that are looked at to learn how common a match is. */
const SAMPLE = 1000

/** What a list can be asked, for one text. */
export interface Search<Row> {
  /** How many match among the next `rows` of the list's order. */
  sample(rows: number): PromiseLike<number>
  /** A page of those that match among the next `rows`, found by going along the order. */
  among(rows: number): PromiseLike<Row[]>
  /** A page of all that match, found by the trigram index and then sorted. */
  amongAll(): PromiseLike<Row[]>
}

/**
 * Loads a page of what matches. Going along the order finds a common match soon and a rare one never; the trigram
 * index finds a rare one at once, and of a common one too many to sort. The first costs about wanted / matches rows,
 * the second about matches: a sample tells. Postgres' own estimate knows nothing of where in the order matches stand.
 */
export async function searchPage<Row>(
  { limit, offset }: { limit: number; offset: number },
  { sample, among, amongAll }: Search<Row>,
): Promise<Row[]> {
  const wanted = offset + limit
  const matches = await sample(SAMPLE)
  if (matches ** 2 >= wanted) {
    const rows = await among(Math.ceil((2 * wanted * SAMPLE) / matches))
    if (rows.length === limit) return rows
  }
  return amongAll()
}
