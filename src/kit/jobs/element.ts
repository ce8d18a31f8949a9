// Defines the element, a job as it lies in Redis, and reads and writes it.
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'

/**
 * A job is one JSON list element, `id` first. `{"id", "task", "data"}` is enough, so that a bare RPUSH
 * from any language is a valid enqueue; what is absent counts as zero or none.
 */
export interface Element {
  id: string
  /** Right behind the id, where scripts read it. */
  gate?: Gate
  /** Name of the task. */
  task: string
  /** Unix ms from which it waits, by the clock of whoever put it there: enqueued or due; of a dead one: when it died. */
  since?: number
  data?: unknown
  /** Version of the data, if not 0; in Redis behind the name of the task, as `name@1`. */
  v?: number
  /** Attempts that failed. */
  n?: number
  /** Workers that died while they ran it. */
  c?: number
  error?: string
  /** Account that enqueued it. */
  by?: string
  /** Id of the request that enqueued it. */
  rid?: string
  /** Its trace (see log/trace.ts), from whoever enqueued it. Of anything else nothing is made. */
  tp?: string
  /** Its unique key. */
  key?: string
  /** How long its status is kept for its owner, ms. */
  keep?: number
  /** What lay in the queue, in the place of a job that could not be read. */
  malformed?: string
}

/** What is judged when a job is taken; see README.md. Its texts hold neither braces nor quotes. */
export interface Gate {
  /** Jobs with the same key count together. */
  k?: string
  /** The most that run at once. */
  m?: number
  /** At most so many starts within any so many ms. */
  r?: [number, number]
  /** Its owner may cancel it. */
  c?: 1
  /** It lets go of its unique key. */
  u?: 1
  /** Unix ms; what has not started by then is not run. */
  b?: number
}

/** What operators see of an element. */
export interface JobFacts {
  /** Of what is no job: made from its bytes. */
  id: string
  /** '' for what is no job. */
  task: string
  /** Attempts that failed, and workers that died with it. */
  failures: number
  crashes: number
  error?: string
  /** See `Element`; unknown of jobs of older releases and other programs. */
  since?: number
  /** Account and request that enqueued it. */
  by?: string
  requestId?: string
}

const TEXTS = ['error', 'by', 'rid', 'key', 'malformed'] as const
const COUNTS = ['n', 'c', 'keep'] as const
const isAbsent = (value: unknown) => value === undefined || value === null
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0

/** The job in the text of an element, or null if it is none: scripts break off half way at what is not as declared. */
export function parseElement(text: string): Element | null {
  try {
    const e: Element | null = JSON.parse(text)
    const isJob = typeof e?.id === 'string' && e.id !== '' && typeof e.task === 'string'
    if (!isJob || !TEXTS.every((name) => isAbsent(e[name]) || typeof e[name] === 'string')) return null
    if (!COUNTS.every((name) => isAbsent(e[name]) || isCount(e[name]))) return null
    const version = /@(\d{1,9})$/.exec(e.task)
    return version ? { ...e, task: e.task.slice(0, version.index), v: Number(version[1]) } : e
  } catch {
    return null
  }
}

/** Its text. To a process that does not know versions, or not this one, it is a job of an unknown task, and waits. */
export const textOf = (e: Element) =>
  JSON.stringify(e.v === undefined ? e : { ...e, task: `${e.task}@${e.v}`, v: undefined })

/** The job in the bytes of an element. Those that are not UTF-8 are none: their text is not what lies in Redis. */
export const readElement = (raw: Buffer): Element | null =>
  isUtf8(raw) ? parseElement(raw.toString()) : null

/** What stands for something that is no job. Its id comes from its bytes: the same wherever it lies (see FIND). */
export function malformed(raw: Buffer): Element {
  const id = `malformed-${createHash('sha1').update(raw).digest('hex')}`
  const [shown, why] = isUtf8(raw)
    ? [raw.toString(), 'no JSON object with an id and a task, or with a field of a wrong type']
    : [escapeBytes(raw), 'its bytes are not UTF-8; those beyond ASCII are shown as \\xNN']
  return { id, task: '', malformed: shown, error: `not a job: ${why}` }
}

const escapeBytes = (raw: Buffer) =>
  raw.toString('latin1').replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`)

export function factsOf({ id, task, n = 0, c = 0, error, since, by, rid }: Element): JobFacts {
  return { id, task, failures: n, crashes: c, error, since: knownSince(since), by, requestId: rid }
}

/** Other programs may have put anything there. */
export const knownSince = (since: unknown): number | undefined =>
  typeof since === 'number' && since > 0 ? since : undefined
