// Defines the element, a job as it lies in Redis, and the ways it may move from one place to another.
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Gate } from './gate.ts'
import { status } from './status.ts'

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
  /** Its unique key. */
  key?: string
  /** How long its status is kept for its owner, ms. */
  keep?: number
  /** What lay in the queue, in the place of a job that could not be read. */
  malformed?: string
}

/** A movement of one element; see MOVE in scripts.ts. `front` and `back` are the ends of the queue. */
export interface Move {
  /** Its bytes; or its text, if that is the same. */
  raw: string | Buffer
  to: 'gone' | 'front' | 'back' | 'later' | 'dead'
  /** The element as rewritten; absent: unchanged. */
  as?: string
  /** Until due, for `later`. */
  delayMs?: number
  /** Counts as done, or as an attempt that failed. */
  counts?: 'done' | 'failed'
  id?: string | Buffer
  /** The unique key: let go when the job has ended, or turns out to be cancelled; held longer when it is tried later. */
  key?: string | Buffer
  status?: string
  keepMs?: number
  /** The jobs that follow, as JSON; see `followers` in queue.ts. */
  next?: string
}

/** What the owner of a job that was given up is told, if its task said nothing. */
const FAILED = 'The task failed.'

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

/** Its end: nothing of it stays but the status, if someone asked for it. */
export function finish(raw: string, e: Element, result?: unknown, next?: string): Move {
  return { raw, to: 'gone', counts: 'done', id: e.id, key: e.key, next, ...status(e, 'done', { result }) }
}

/** To the front of the queue: the worker stops before the job could end. */
export function requeue(raw: string, e: Element): Move {
  const as = e.gate?.b === undefined ? raw : textOf(withoutDeadline(e))
  return { raw, to: 'front', as, id: e.id, key: e.key, ...status(e, 'waiting') }
}

/** It has been started: that it is tried again is never too late. */
export const withoutDeadline = (e: Element): Element => ({
  ...e,
  gate: e.gate && { ...e.gate, b: undefined },
})

/** Unchanged, for some ten seconds: it cannot be run here and now. */
export function postpone(raw: string, e: Element): Move {
  return delay(raw, e, 10_000 * (0.5 + Math.random()))
}

/** After a failed attempt: once more, later. */
export function retry(raw: string, e: Element, delayMs: number): Move {
  return { ...delay(raw, e, delayMs), as: textOf(e), counts: 'failed' }
}

function delay(raw: string | Buffer, e: Element, delayMs: number): Move {
  return { raw, to: 'later', delayMs, id: e.id, key: e.key, ...status(e, 'waiting', {}, delayMs) }
}

/** A job that is given up waits among the dead for an operator. `shown` is what its owner is told. */
export function moveToDead(raw: string | Buffer, e: Element, shown = FAILED): Move {
  const end = status(e, 'failed', { error: shown })
  return { raw, to: 'dead', as: textOf(e), counts: 'failed', id: e.id, key: e.key, ...end }
}

/** An operator throws it away. */
export function drop(raw: Buffer): Move {
  const e = readElement(raw)
  if (!e) return { raw, to: 'gone', ...holdings(raw) }
  const end = status(e, 'failed', { error: 'The task was cancelled.' })
  return { raw, to: 'gone', id: e.id, key: e.key, ...end }
}

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

export const moveMalformedToDead = (raw: Buffer): Move => ({
  ...moveToDead(raw, malformed(raw)),
  ...holdings(raw),
})

/** What a job that is not UTF-8 lets go of: read a character for each byte, as its key and its id lie in Redis. */
function holdings(raw: Buffer): Partial<Move> {
  const e = parseElement(raw.toString('latin1'))
  if (!e) return {}
  const bytes = (text: unknown) => Buffer.from(typeof text === 'string' ? text : '', 'latin1')
  return { id: bytes(e.id), key: bytes(e.key), ...status(e, 'failed', { error: FAILED }) }
}

/**
 * A job whose worker died. The first time it goes to the front of the queue; the next two times it waits
 * for a random while, so that the jobs that died with it are not run beside it again; then it counts as the killer.
 */
export function crashed(raw: Buffer): Move {
  const e = readElement(raw)
  if (!e) return moveMalformedToDead(raw)
  const c = (e.c ?? 0) + 1
  const killer = { ...e, c }
  if (c > 3) return moveToDead(raw, { ...killer, error: `its worker died each of the ${c} times it ran` })
  const as = textOf(killer)
  if (c === 1) return { raw, to: 'front', as, id: e.id, key: e.key, ...status(e, 'waiting') }
  return { ...delay(raw, e, 1000 + Math.random() * 5000), as }
}
