// Writes and reads the id of an event: how far a client has read each channel of its stream.

/** How far each channel was read, in the order of the stream's. */
export interface Position {
  /** Which run of Redis: another may have lost what this one had. */
  run: string
  /** Unix ms until which all of them were read. */
  at: number
  /** Of the last event of each. */
  ids: string[]
}

const TEXT = /^([\w-]{1,20})\.([a-z0-9]{1,6})\.([a-z0-9]{1,9})\.([\d,-]{1,1000})$/
const ID = /^\d{1,15}-\d{1,9}$/

/** Tells streams of other channels apart. 31 bits: it guards against mix-ups, and opens nothing. */
export function markOf(texts: readonly string[]): string {
  let hash = 0
  for (const char of texts.join(' ')) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) >>> 1
  return hash.toString(36).slice(0, 6)
}

/** The id of an event. It holds no line end, and nothing that a client has sent. */
export const writePosition = ({ run, at, ids }: Position, mark: string) =>
  `${run}.${mark}.${at.toString(36)}.${ids.join(',')}`

/** What `Last-Event-ID` says; undefined if it is of another stream, or of none. */
export function readPosition(text: string, mark: string, count: number): Position | undefined {
  const [, run = '', marked, at = '', list = ''] = TEXT.exec(text) ?? []
  const ids = list.split(',')
  if (marked !== mark || ids.length !== count || !ids.every((id) => ID.test(id))) return undefined
  return { run, at: Number.parseInt(at, 36), ids }
}
