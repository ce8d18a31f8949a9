// Searches a list: builds the LIKE pattern, and picks the cheaper way to load a page of matches.

/** Returns the pattern that finds `text` anywhere; `%`, `_` and `\` in it are escaped. */
export const likePattern = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`

/** Rows that are sampled to learn how common a match is. */
const SAMPLE_ROWS = 200
/** The rows of a long list. */
const LONG_LIST_ROWS = 1_000_000

/** The queries of a search for one text. */
export interface SearchableList<Row> {
  /** Counts the matches among the next `rows` of the list. */
  sample(rows: number): PromiseLike<number>
  /** Loads a page of the matches among the next `rows`, scanned in the list's order. */
  scan(rows: number): PromiseLike<Row[]>
  /** Loads a page of all matches, found by the trigram index and then sorted. */
  searchAll(): PromiseLike<Row[]>
}

/**
 * Loads a page of matches. A scan in the list's order finds common matches soon and rare ones late; the trigram index
 * finds rare ones at once, and too many common ones to sort. A sample tells which is cheaper. Postgres's own estimate
 * does not, as it does not know where in the order the matches are.
 */
export async function searchPage<Row>(
  { limit, offset }: { limit: number; offset: number },
  { sample, scan, searchAll }: SearchableList<Row>,
): Promise<Row[]> {
  const density = (await sample(SAMPLE_ROWS)) / SAMPLE_ROWS
  const scanned = (offset + limit) / density
  // The index would read every match of a long list.
  if (scanned <= density * LONG_LIST_ROWS) {
    const rows = await scan(Math.ceil(2 * scanned))
    if (rows.length === limit) return rows
  }
  return searchAll()
}
