// Cuts out of a page what mentions something that goes: rows of tables, items of lists, lines of code, paragraphs.

/** The page without them; one empty line stands where several would. */
export function cutPage(text: string, mentions: RegExp): string {
  const kept = partsOf(text).filter((part) => !mentions.test(part))
  return kept.join('').replaceAll(/\n{3,}/g, '\n\n')
}

/** Splits it into what can go by itself; joined they are the page. */
function partsOf(text: string): string[] {
  const parts: string[] = []
  let isCode = false
  let isOpen = false // the next line goes on with the part before
  for (const line of text.split(/(?<=\n)/)) {
    const isFence = line.trimStart().startsWith('```')
    const isAlone = isCode || isFence || /^\s*$|^\||^#/.test(line)
    if (isOpen && !isAlone && !/^\s*(-|\d+\.) /.test(line)) parts.push((parts.pop() ?? '') + line)
    else parts.push(line)
    isOpen = !isAlone
    if (isFence) isCode = !isCode
  }
  return parts
}
