// Finds the word that somebody meant, of those that there are.

/** A third of the letters may be wrong. */
const LETTERS_PER_EDIT = 3

/**
 * The nearest of the words, in any case: the fewest letters are missing, too many, wrong, or swapped with the next one; or
 * one of the two begins with the other, `integer` with `int`. Undefined if none is near. Of two that are as near the first.
 */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let [found, least] = [undefined as string | undefined, Infinity]
  for (const known of words) {
    const edits = editsBetween(word.toLowerCase(), known.toLowerCase())
    if (edits < least && edits <= Math.max(1, known.length / LETTERS_PER_EDIT))
      [found, least] = [known, edits]
  }
  return found
}

/** Ends a message that refuses a word of a closed list: `: did you mean string?`, or what there is. */
export function hint(word: string, words: readonly string[]): string {
  const near = nearest(word, words)
  return near === undefined ? `: there are ${words.join(', ')}` : `: did you mean ${near}?`
}

function editsBetween(a: string, b: string): number {
  if (Math.min(a.length, b.length) >= LETTERS_PER_EDIT && (a.startsWith(b) || b.startsWith(a))) return 1
  if (Math.abs(a.length - b.length) > b.length / LETTERS_PER_EDIT) return Infinity // longer texts cost nothing
  // Each row holds the edits from the first i letters of `a` to the first 0, 1, 2 ... of `b`.
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const [same, swapped] = [a[i - 1] === b[j - 1], a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]]
      row[j] = Math.min(
        (row[j - 1] ?? 0) + 1,
        (last[j] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
        swapped && i > 1 && j > 1 ? (before[j - 2] ?? 0) + 1 : Infinity,
      )
    }
    ;[before, last] = [last, row]
  }
  return last[b.length] ?? Infinity
}
