// Defines a movement of an element, and which one each event in the life of a job makes.
import { malformed, parseElement, readElement, textOf, type Element } from './element.ts'
import type { Arg } from './lua.ts'
import { status } from './status.ts'

/** See MOVE in scripts.ts. `front` and `back` are the ends of the queue. */
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
  /** The jobs that follow, as JSON; see `followers` in new-job.ts. */
  next?: string
}

/** Whether STEP is told by the raw element alone: it is done, and nobody waits for its key, its status, its place in a limit or what follows. */
export const isAck = (m: Move, { gate }: Element) =>
  m.counts === 'done' && !gate && m.key === undefined && m.status === undefined && m.next === undefined

export const MOVE_ARGS = 11

/** A movement as the arguments of a script. `keepDead`: the longest dead list. */
export function moveArgs(m: Move, keepDead: number): Arg[] {
  const { raw, to, as = to === 'gone' ? '' : raw, delayMs = 0, counts = '', id = '', key = '' } = m
  const { status: shown = '', keepMs = 0, next = '' } = m
  return [raw, to, as, Math.round(delayMs), counts, id, key, shown, keepMs, keepDead, next]
}

/** What the owner of a job that was given up is told, if its task said nothing. */
const FAILED = 'The task failed.'

/** Its end: nothing of it stays but the status, if someone asked for it. */
export function finish(raw: string, e: Element, result?: unknown, next?: string): Move {
  return { raw, to: 'gone', counts: 'done', id: e.id, key: e.key, next, ...status(e, 'done', { result }) }
}

/** To the front of the queue: the worker stops before the job could end. */
export function requeue(raw: string, e: Element): Move {
  return front(raw, e, e.gate?.b === undefined ? raw : textOf(withoutDeadline(e)))
}

function front(raw: string | Buffer, e: Element, as: string): Move {
  return { raw, to: 'front', as, id: e.id, key: e.key, ...status(e, 'waiting') }
}

/** It has been started: that it is tried again is never too late. */
const withoutDeadline = (e: Element): Element => ({ ...e, gate: e.gate && { ...e.gate, b: undefined } })

/** Unchanged, for some ten seconds: it cannot be run here and now. */
export function postpone(raw: string, e: Element): Move {
  return delay(raw, e, 10_000 * (0.5 + Math.random()))
}

/** After a failed attempt: once more, later. */
export function retry(raw: string, e: Element, delayMs: number): Move {
  return { ...delay(raw, e, delayMs), as: textOf({ ...e, since: Date.now() + delayMs }), counts: 'failed' }
}

function delay(raw: string | Buffer, e: Element, delayMs: number): Move {
  return { raw, to: 'later', delayMs, id: e.id, key: e.key, ...status(e, 'waiting', {}, delayMs) }
}

/** A job that is given up waits among the dead for an operator. `shown` is what its owner is told. */
export function moveToDead(raw: string | Buffer, e: Element, shown = FAILED): Move {
  const end = status(e, 'failed', { error: shown })
  return {
    raw,
    to: 'dead',
    as: textOf({ ...e, since: Date.now() }),
    counts: 'failed',
    id: e.id,
    key: e.key,
    ...end,
  }
}

/** What is no job, by its bytes. */
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

/** An operator throws it away. */
export function drop(raw: Buffer): Move {
  const e = readElement(raw)
  if (!e) return { raw, to: 'gone', ...holdings(raw) }
  const end = status(e, 'failed', { error: 'The task was cancelled.' })
  return { raw, to: 'gone', id: e.id, key: e.key, ...end }
}

/** An operator has it tried again, with all its attempts before it. A unique key that it let go it does not get again. */
export function revive(raw: Buffer, to: 'front' | 'back'): Move {
  const e = readElement(raw)
  if (!e) return moveMalformedToDead(raw)
  if (e.malformed !== undefined) return { raw, to, as: e.malformed }
  const fresh = { ...(e.n || e.c ? withoutDeadline(e) : e), since: Date.now() }
  for (const spent of ['n', 'c', 'error'] as const) delete fresh[spent]
  return { raw, to, as: textOf(fresh), id: e.id, ...status(e, 'waiting') }
}

/**
 * A job whose worker died. The first time it goes to the front of the queue; the next two times it waits
 * for a random while, so that the jobs that died with it are not run beside it again; then it counts as the killer.
 */
export function crashed(raw: Buffer): Move {
  const e = readElement(raw)
  if (!e) return moveMalformedToDead(raw)
  const c = (e.c ?? 0) + 1
  const killer = { ...e, c, since: Date.now() }
  if (c > 3) return moveToDead(raw, { ...killer, error: `its worker died each of the ${c} times it ran` })
  if (c === 1) return front(raw, e, textOf(killer))
  return { ...delay(raw, e, 1000 + Math.random() * 5000), as: textOf(killer) }
}
