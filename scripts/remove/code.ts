// Cuts out of TypeScript what uses something that goes. It goes by the indentation that the formatter gives.

export interface Gone {
  /** True for the target of an import, as it is written. */
  isGone: (target: string) => boolean
  mentions: RegExp
  /** In a test file whole tests go, elsewhere the smallest part that can. */
  isTest: boolean
}

const IMPORT = /^import\s+(?:type\s+)?([^'"]*?)(?:\s*from\s+)?'([^']+)'.*\n/gm
const DECLARED = /^(?:export )?(?:async )?(?:const|let|function|type|interface|class) (\w+)/

/**
 * Cuts imports of what goes, each line that uses them or mentions it, and imports and declarations that nothing uses
 * any more: an element of a list, a link of a chain of calls, a statement. Comments that mention it stay.
 */
export function cutCode(text: string, gone: Gone): string {
  const names = new Set<string>()
  let rest = text.replaceAll(IMPORT, (line, clause: string, target: string) => {
    if (!gone.isGone(target)) return line
    for (const name of namesIn(clause)) names.add(name)
    return ''
  })
  for (let before = ''; before !== rest;) {
    before = rest
    rest = cutFirst(rest, gone, names)
  }
  return rest === text ? text : cutUnused(rest, text)
}

const namesIn = (clause: string) =>
  clause
    .split(/[{},]/)
    .map((part) => /[\w$]+$/.exec(part.trim())?.[0])
    .filter((name) => name !== undefined)

/** Cuts the first part that has to go; what it declares goes, too, wherever it is used. */
function cutFirst(text: string, { mentions, isTest }: Gone, names: Set<string>): string {
  const lines = text.split('\n')
  const ofName =
    names.size > 0 ? new RegExp(`(?<![\\w$]|(?<!\\.\\.)\\.)(${[...names].join('|')})(?![\\w$])`) : undefined
  const found = lines.findIndex(
    (line) => !isComment(line) && (mentions.test(withoutComment(line)) || ofName?.test(withoutTexts(line))),
  )
  if (found < 0) return text
  const name = ofName?.exec(withoutTexts(lines[found] ?? ''))?.[0]
  const shorter = name === undefined ? undefined : withoutElement(lines[found] ?? '', name)
  if (shorter !== undefined) return lines.with(found, shorter).join('\n')

  const [start, end] = partAround(lines, found, isTest)
  const declared = DECLARED.exec(lines[start]?.trim() ?? '')?.[1]
  // What is declared inside of a function may have the name of something else further down.
  if (declared !== undefined && indentOf(lines[start] ?? '') === 0) names.add(declared)
  return lines.toSpliced(commentAbove(lines, start), end - commentAbove(lines, start) + 1).join('\n')
}

const isComment = (line: string) => /^\s*(\/\/|\/?\*)/.test(line)
const isClosing = (line: string) => /^\s*[)\]}]/.test(line)
const withoutComment = (line: string) => line.replace(/(^|\s)\/\/.*/, '')
const withoutTexts = (line: string) => line.replaceAll(/'[^']*'/g, "''").replace(/\/\/.*/, '')
const indentOf = (line: string) => line.length - line.trimStart().length

/** `[a, name, b]` without the name, and `{ ...name }`: undefined if it is no element of a list in this line. */
function withoutElement(line: string, name: string): string | undefined {
  const { 0: element, index } = new RegExp(`(?<![\\w$.])(?:\\.\\.\\.)?${name}(?![\\w$])`).exec(line) ?? {
    index: -1,
  }
  if (element === undefined || !/[[{,]\s*$/.test(line.slice(0, index)) || !isInList(line.slice(0, index)))
    return undefined
  const behind = line.slice(index + element.length)
  if (/^\s*,/.test(behind)) return line.slice(0, index) + behind.replace(/^\s*,\s*/, '')
  return /^\s*[\]}]/.test(behind) ? line.slice(0, index).replace(/,\s*$/, '') + behind : undefined
}

/** True if the last bracket that is open is that of a list or an object. */
function isInList(before: string): boolean {
  let text = before
  for (let shorter = ''; shorter !== text;) {
    shorter = text
    text = text.replaceAll(/\([^()[\]{}]*\)|\[[^()[\]{}]*\]|\{[^()[\]{}]*\}/g, '')
  }
  return /[[{][^()[\]{}]*$/.test(text)
}

/** The first and the last line of the smallest part around a line that can be cut. */
function partAround(lines: string[], line: number, isTest: boolean): [start: number, end: number] {
  let start = line
  for (;;) {
    while (isClosing(lines[start] ?? '')) start = above(lines, start, (indent, own) => indent === own)
    const end = endOf(lines, start)
    const text = lines[start] ?? ''
    if (indentOf(text) === 0 || (isTest ? /^\s*(test|it)\b/.test(text) : canGo(lines, start, end)))
      return [start, end]
    start = above(lines, start, (indent, own) => indent < own)
  }
}

function canGo(lines: string[], start: number, end: number): boolean {
  if (lines[start]?.trimStart().startsWith('.')) return true
  const opening = lines[above(lines, start, (indent, own) => indent < own)] ?? ''
  const isElement = lines[end]?.endsWith(',') === true
  return isElement ? /[[{]$/.test(opening) : opening.endsWith('{')
}

/** The nearest line above, empty ones and comments passed over, whose indentation fits. */
function above(lines: string[], line: number, fits: (indent: number, own: number) => boolean): number {
  const own = indentOf(lines[line] ?? '')
  return lines.findLastIndex(
    (text, i) => i < line && text.trim() !== '' && !isComment(text) && fits(indentOf(text), own),
  )
}

/** The last line of what begins here: it holds what stands further in, and closes at the same indentation. */
function endOf(lines: string[], start: number): number {
  const own = indentOf(lines[start] ?? '')
  let end = start
  for (let i = start + 1; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (line.trim() === '') continue
    if (indentOf(line) < own || (indentOf(line) === own && !isClosing(line))) break
    end = i
  }
  return end
}

/** Where the comment of a part begins, or else the part. */
function commentAbove(lines: string[], start: number): number {
  let first = start
  while (
    first > 1 &&
    isComment(lines[first - 1] ?? '') &&
    indentOf(lines[first - 1] ?? '') >= indentOf(lines[start] ?? '')
  )
    first--
  // The chain's own comment stands above its first link.
  return lines[start]?.trimStart().startsWith('.') ? start : first
}

/** Cuts the imports and the declarations that were used before, and are used no more. */
function cutUnused(text: string, before: string): string {
  const [then, now] = [bodyOf(before), bodyOf(text)]
  const isLeft = (name: string) => countOf(then, name) > 0 && countOf(now, name) === 0
  let rest = text.replaceAll(IMPORT, (line, clause: string) => {
    const left = namesIn(clause).filter(isLeft)
    if (left.length === 0) return line
    if (left.length === namesIn(clause).length) return ''
    const parts = clause.replace(/^\{\s*|\s*,?\s*\}$/g, '').split(/\s*,\s*/)
    const kept = parts.filter((part) => !left.includes(namesIn(part)[0] ?? ''))
    return line.replace(clause, () => `{ ${kept.join(', ')} }`)
  })
  const lines = rest.split('\n')
  const idle = lines.findIndex((line) => {
    const name = /^(?:const|function|async function|type|interface) (\w+)/.exec(line)?.[1]
    return name !== undefined && countOf(now, name) === 1 && countOf(then, name) > 1
  })
  if (idle >= 0)
    rest = lines
      .toSpliced(commentAbove(lines, idle), endOf(lines, idle) - commentAbove(lines, idle) + 1)
      .join('\n')
  return rest === text ? text : cutUnused(rest, before)
}

const countOf = (code: string, name: string) =>
  code.match(new RegExp(`(?<![\\w$])${name}(?![\\w$])`, 'g'))?.length ?? 0

/** The code alone: without imports, comments and texts. */
const bodyOf = (text: string) =>
  text
    .replaceAll(IMPORT, '')
    .split('\n')
    .filter((line) => !isComment(line)) // line by line: a path in a text may hold what opens or ends a comment
    .map(withoutTexts)
    .join('\n')
